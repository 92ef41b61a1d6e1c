"""The people behind a row of the ledger: pages, search, a file that no spreadsheet runs."""

import csv
import io

from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core.database import db
from app.reporting import people as listing
from tests.campaigns.test_second_try import ended

__all__ = ["ended"]


def test_pages_follow_each_other_without_gap_or_repeat(scope: Workspace, ended: Campaign) -> None:
    seen: list[int] = []
    while page := listing.people(ended.id, after=seen[-1] if seen else 0, limit=3):
        seen += [row["id"] for row in page]
    assert len(seen) == len(set(seen)) == 20
    assert seen == sorted(seen)


def test_a_row_of_the_ledger_with_its_action(as_eve: FlaskClient, ended: Campaign, scope: Workspace) -> None:
    room = f"/w/{scope.slug}/reports/{ended.id}/people"
    page = as_eve.get(f"{room}?state=failed&reason=expired").text
    assert page.count("<tr>") == 6
    assert "Try these again" in page
    assert "Try these again" not in as_eve.get(f"{room}?state=bounced&reason=userunknown").text
    assert "Nobody here fits." in as_eve.get(f"{room}?state=failed&search=nobody@").text
    assert as_eve.get(f"{room}?after=-1&search=%00&state=nonsense").status_code == 200
    assert as_eve.get(f"{room}?after=99999999999999999999").status_code == 200


def test_a_viewer_sees_no_action(as_vic: FlaskClient, ended: Campaign, scope: Workspace) -> None:
    page = as_vic.get(f"/w/{scope.slug}/reports/{ended.id}/people?state=failed&reason=expired").text
    assert "Try these again" not in page
    assert as_vic.post(f"/w/{scope.slug}/campaigns/{ended.id}/ledger/retry").status_code == 403


def test_the_file_runs_no_formula(as_eve: FlaskClient, ended: Campaign, scope: Workspace) -> None:
    db.session.execute(
        text("UPDATE messages SET address = '=cmd|calc!a1@example.com' WHERE campaign_id = :c AND state = 'failed'"),
        {"c": ended.id},
    )
    db.session.commit()
    answer = as_eve.get(f"/w/{scope.slug}/reports/{ended.id}/people.csv?state=failed&search=CALC")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(rows) == 6
    assert rows[0][:3] == ["address", "state", "reason"]
    assert all(row[0].startswith("'=cmd") for row in rows[1:])


def test_a_file_longer_than_a_piece(
    as_eve: FlaskClient, ended: Campaign, scope: Workspace, monkeypatch: object
) -> None:
    monkeypatch.setattr(listing, "SLICE", 7)  # type: ignore[attr-defined]
    answer = as_eve.get(f"/w/{scope.slug}/reports/{ended.id}/people.csv")
    assert len(answer.data.decode().splitlines()) == 21
