"""The ledger through the API: looked at, tried again, settled, corrected."""

from typing import Any

import pytest
from sqlalchemy import text

from app.campaigns import control
from app.campaigns.freeze import freeze
from app.core.database import db, in_workspace
from tests.api.conftest import Program, problem

KEY = {"Idempotency-Key": "once and no more"}


@pytest.fixture
def flown(api: Program, workspace_id: int, draft: dict[str, Any], letters: int) -> str:
    """The path of a finished campaign: one failed, one in doubt."""
    number = draft["id"]
    api.post(f"/campaigns/{number}/launch")
    with in_workspace(workspace_id):
        freeze(number)
        become(number, "ann@example.com", "failed", "expired")
        become(number, "bob@example.com", "uncertain", "unanswered")
        assert control.finish_if_done(number)
        db.session.commit()
    return f"/campaigns/{number}"


def become(number: int, address: str, state: str, reason: str) -> None:
    db.session.execute(
        text("UPDATE messages SET state = :s, reason = :r WHERE campaign_id = :c AND address = :a"),
        {"c": number, "a": address, "s": state, "r": reason},
    )


def states(api: Program, path: str) -> dict[str, int]:
    return {row["state"]: row["count"] for row in api.get(f"{path}/status").json["ledger"]}


def test_people_are_found_by_part_of_an_address(api: Program, flown: str) -> None:
    assert [row["address"] for row in api.get(f"{flown}/ledger?search=BOB@").json] == ["bob@example.com"]
    assert [row["address"] for row in api.get(f"{flown}/ledger?state=failed&reason=expired").json] == [
        "ann@example.com"
    ]
    assert api.get(f"{flown}/ledger?search=%25").json == []
    first = api.get(f"{flown}/ledger?limit=1")
    assert 'rel="next"' in first.headers["Link"]


def test_retry_counts_first_and_acts_once(api: Program, flown: str) -> None:
    assert api.post(f"{flown}/retry", {"dry_run": True}).json == {"tried": 1, "left_out": {}}
    assert states(api, flown) == {"failed": 1, "uncertain": 1}
    first, repeat = (api.post(f"{flown}/retry", {"reasons": ["failed:expired"]}, headers=KEY) for _ in range(2))
    assert first.json == repeat.json == {"tried": 1, "left_out": {}}
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert states(api, flown) == {"planned": 1, "uncertain": 1}
    assert api.get(flown).json["state"] == "sending"
    problem(api.post(f"{flown}/retry"), 409)


@pytest.mark.parametrize("reasons", [["sent"], ["skipped:suppressed"], ["failed:expired", "sent:"]])
def test_what_may_not_be_tried_again_is_refused(api: Program, flown: str, reasons: list[str]) -> None:
    assert api.post(f"{flown}/retry", {"reasons": reasons}).status_code in (409, 422)
    assert states(api, flown) == {"failed": 1, "uncertain": 1}


def test_what_is_no_row_of_a_ledger_is_refused(api: Program, flown: str) -> None:
    assert problem(api.post(f"{flown}/retry", {"reasons": ["nonsense"]}), 422)["field"] == "reasons"


def test_more_than_at_most_are_refused(api: Program, flown: str) -> None:
    problem(api.post(f"{flown}/retry", {"at_most": 0}), 409)
    assert api.get(flown).json["state"] == "finished"


def test_doubts_are_shown_and_settled(api: Program, viewer: Program, flown: str) -> None:
    [doubt] = viewer.get(f"{flown}/uncertain").json
    assert doubt["address"] == "bob@example.com"
    assert problem(api.post(f"{flown}/settle"), 422)["field"] == "as"
    problem(viewer.post(f"{flown}/settle", {"as": "sent"}), 403)
    settled = api.post(f"{flown}/settle", {"as": "sent", "messages": [doubt["id"]]})
    assert settled.json == {"settled": 1, "left_out": {}}
    assert states(api, flown) == {"failed": 1, "sent": 1}
    [person] = api.get(f"{flown}/ledger?state=sent").json
    assert person["reply"] == "Taken as sent: decided by a program."
    problem(api.post(f"{flown}/settle", {"as": "sent"}), 409)


def test_sent_again_by_choice(api: Program, flown: str) -> None:
    assert api.post(f"{flown}/settle", {"as": "again", "knowing": True}).json == {"settled": 1, "left_out": {}}
    assert states(api, flown) == {"failed": 1, "planned": 1}


def test_a_corrected_version(api: Program, flown: str) -> None:
    problem(api.post(f"{flown}/correct"), 409)  # finished
    api.post(f"{flown}/retry")
    made = api.post(f"{flown}/correct", headers=KEY)
    assert (made.status_code, made.json["state"]) == (201, "draft")
    assert api.post(f"{flown}/correct", headers=KEY).json["id"] == made.json["id"]
    assert api.get(f"/campaigns/{made.json['id']}/review").json["recipients"] == 1
