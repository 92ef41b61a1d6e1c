"""The list of reports shows what was sent and how many people clicked."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.reporting.home import figures
from app.reporting.views import LISTED, _labels
from tests.factories.messages import sent_message


def test_each_report_shows_its_figures(as_ada: FlaskClient, workspace: Workspace) -> None:
    sent = sent_message(workspace)
    new = """
        INSERT INTO events (id, at, workspace_id, campaign_id, message_id, kind, label)
        VALUES (gen_random_uuid(), now(), :workspace, :of, :by, :kind, :label)
    """
    found = {"workspace": workspace.id, "of": sent.campaign.id, "by": sent.message.id}
    events = (("clicked", "human"), ("clicked", "human"), ("clicked", "machine"), ("opened", "human"))
    db.session.execute(text(new), [{**found, "kind": kind, "label": label} for kind, label in events])
    db.session.execute(text("UPDATE campaigns SET state = 'sending' WHERE id = :id"), {"id": sent.campaign.id})
    db.session.commit()
    with in_workspace(workspace.id):
        [row] = figures([sent.campaign.id])
    assert (row["mailed"], row["bounced"], row["delivered"], row["clicked"]) == (1, 0, 1, 1)
    shown = " ".join(as_ada.get(f"/w/{workspace.slug}/reports").text.split())
    assert '<td class="num" data-label="Sent">1</td>' in shown
    assert '<td class="num" data-label="Human clicks">1<span class="cell-sub">100.0% of 1</span></td>' in shown


def test_a_refusal_at_once_is_bounced_and_not_sent(workspace: Workspace, as_ada: FlaskClient) -> None:
    sent = sent_message(workspace)
    query = "UPDATE messages SET state = 'bounced', sent_at = NULL WHERE id = :id"
    db.session.execute(text(query), {"id": sent.message.id})
    with in_workspace(workspace.id):
        [row] = figures([sent.campaign.id])
    assert (row["mailed"], row["bounced"], row["tried"]) == (0, 1, 1)


def test_older_reports_are_on_the_next_page(as_ada: FlaskClient, workspace: Workspace) -> None:
    new = [Campaign(name=f"Letter {number}", state="finished", launched_at=clock.now()) for number in range(LISTED + 1)]
    with in_workspace(workspace.id):
        db.session.add_all(new)
        db.session.commit()
    room = f"/w/{workspace.slug}/reports"
    first, second = as_ada.get(room).text, as_ada.get(f"{room}?page=2").text
    assert f">Letter {LISTED}</a>" in first
    assert ">Letter 0</a>" not in first
    assert f"{room}?page=2" in first
    assert ">Letter 0</a>" in second
    assert "?page=3" not in second


@pytest.mark.parametrize(
    ("hours", "labels"), [((8, 9), ["08:00", "09:00"]), ((8, 32), ["8 Mar, 08:00", "9 Mar, 08:00"])]
)
def test_the_axis_names_the_day_where_there_are_several(app: Flask, hours: tuple[int, ...], labels: list[str]) -> None:
    with app.test_request_context():
        assert _labels([datetime(2027, 3, 8, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]) == labels
