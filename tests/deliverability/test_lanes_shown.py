"""What the pages of incidents say of lanes that rest: by which transport, until when, and whose mail waits for it."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.sending.models import Transport
from tests.deliverability.test_lanes import blocked, look, open_lane, sent_by
from tests.tracking.incidents.crowd import Crowd, crowd

pytestmark = pytest.mark.usefixtures("unslowed")


def test_the_lane_that_rests_is_named_with_the_mail_that_waits(as_ada: FlaskClient, workspace: Workspace) -> None:
    first, _second = transports(workspace, "First relay", "Second relay")
    made, waiting = held_by(workspace, first), waits(workspace, 12, first)
    waits(workspace, 7, None)
    (incident,) = made.incidents("blocked")
    path = f"/w/{workspace.slug}/incidents"
    page = as_ada.get(f"{path}/{incident.id}").text
    assert "mail to this provider by “First relay” was held" in plain(page)
    assert "Mail to this provider by “First relay” rests until" in plain(page)
    assert "12 messages wait for it" in plain(page)
    assert f"/campaigns/{waiting.campaign.id}" in page
    assert "Second relay" not in page
    with clock.moved(timedelta(minutes=20)):
        listed = plain(as_ada.get(path).text)
    assert "Sending on hold" in listed
    assert "Quiet for now" not in listed
    open_lane(str(first))
    assert "rests until" not in plain(as_ada.get(f"{path}/{incident.id}").text)


def test_while_another_transport_is_free_nothing_waits(as_ada: FlaskClient, workspace: Workspace) -> None:
    first, _second = transports(workspace, "First relay", "Second relay")
    made = held_by(workspace, first)
    waits(workspace, 7, None)
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{made.incidents('blocked')[0].id}").text)
    assert "No mail waits for it now: it goes by other transports, or there is none." in page


def test_the_installations_own_way_has_no_name(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = held_by(workspace, None)
    waits(workspace, 5, None)
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{made.incidents('blocked')[0].id}").text)
    assert "Mail to this provider rests until" in page
    assert "5 messages wait for it" in page


def test_what_is_planned_for_later_does_not_wait_for_it(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = held_by(workspace, None)
    later = waits(workspace, 9, None)
    db.session.execute(
        text("UPDATE messages SET next_attempt_at = now() + interval '9 hours' WHERE campaign_id = :id"),
        {"id": later.campaign.id},
    )
    db.session.commit()
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{made.incidents('blocked')[0].id}").text)
    assert "9 messages" not in page
    assert "Kept, tried by itself 0" in page, "they were never refused"


def transports(workspace: Workspace, *names: str) -> list[int]:
    with in_workspace(workspace.id):
        rows = [Transport(name=name, kind="smtp", host="127.0.0.1", port=2525) for name in names]
        db.session.add_all(rows)
        db.session.commit()
        return [row.id for row in rows]


def held_by(workspace: Workspace, transport_id: int | None) -> Crowd:
    made = sent_by(crowd(workspace, 40), transport_id)
    blocked(made, slice(0, 25))
    assert look() == 1
    return made


def waits(workspace: Workspace, number: int, transport_id: int | None) -> Crowd:
    """A campaign under way that has sent nothing to the provider yet."""
    made = crowd(workspace, number, prefix=f"w{number}")
    with in_workspace(workspace.id):
        made.campaign.state, made.campaign.transport_id = "sending", transport_id
        db.session.execute(
            text("UPDATE messages SET state = 'planned', sent_at = NULL, attempts = 0 WHERE campaign_id = :id"),
            {"id": made.campaign.id},
        )
        db.session.commit()
    return made


def plain(page: str) -> str:
    return re.sub(r" ([.:,])", r"\1", " ".join(re.sub(r"<[^>]+>", " ", page).split()))
