"""Sending again exactly to those whose bounce was discarded with an incident; never to whose bounce is believed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text, update

from app.accounts.models import User, Workspace
from app.accounts.setup import create_workspace
from app.campaigns.came_back import discarded_of, try_came_back
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import NotFound
from app.messages.lifecycle import State
from app.messages.models import Event, Message
from app.messages.queries import ledger
from app.tracking.incidents import bursts, decisions
from tests.conftest import sign_in
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

GONE = "550 5.1.1 <p@example.net>: user unknown"


@pytest.fixture
def burst(workspace: Workspace) -> Crowd:
    """A finished campaign to 40 at one provider, of whom 25 came back in a burst that nobody decided about yet."""
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(25), lambda: bounce("userunknown", "permanent", words=GONE))
    made.watch()
    with in_workspace(workspace.id):
        db.session.execute(update(Campaign).where(Campaign.id == made.campaign.id).values(considered=40))
        db.session.commit()
    return made


def decide(burst: Crowd, decision: str) -> int:
    """Decide about the only incident; its number."""
    [incident] = burst.incidents()
    with in_workspace(burst.workspace.id):
        getattr(decisions, decision)(incident.id, None)
        db.session.commit()
    return incident.id


def planned(burst: Crowd) -> list[int]:
    query = select(Message.id).where(Message.campaign_id == burst.campaign.id, Message.state == State.PLANNED)
    with in_workspace(burst.workspace.id):
        return list(db.session.scalars(query.order_by(Message.id)))


def test_the_discarded_are_offered_and_sent_to_again_once(as_ada: FlaskClient, burst: Crowd) -> None:
    number, room = decide(burst, "discard"), f"/w/{burst.workspace.slug}/campaigns/{burst.campaign.id}/ledger"
    page = as_ada.get(room).text
    assert "Send to these 25 people again" in page
    assert f"{room}/incidents/{number}" in page
    assert f"/incidents/{number}" in page
    assert "Whom?" not in page, "they are not offered twice"
    asked = as_ada.get(f"{room}/incidents/{number}").text
    assert "25 people will be tried again" in asked
    assert "No such mailbox" in asked
    answer = as_ada.post(f"{room}/incidents/{number}", data={"asked": "25"}, follow_redirects=True)
    assert "25 people are tried again" in answer.text
    assert planned(burst) == [message.id for message in burst.messages[:25]]
    assert "Bounces that nobody believes" not in as_ada.get(room).text
    assert as_ada.post(f"{room}/incidents/{number}", data={"asked": "25"}).status_code == 404


def test_more_than_were_confirmed_are_not_taken(as_ada: FlaskClient, burst: Crowd) -> None:
    room = f"/w/{burst.workspace.slug}/campaigns/{burst.campaign.id}/ledger/incidents/{decide(burst, 'discard')}"
    answer = as_ada.post(room, data={"asked": "20"})
    assert answer.status_code == 409
    assert "25 people now, not 20" in answer.text
    assert planned(burst) == []


@pytest.mark.parametrize("decision", ["", "believe"])
def test_who_is_believed_or_undecided_is_not_offered(as_ada: FlaskClient, burst: Crowd, decision: str) -> None:
    number = decide(burst, decision) if decision else burst.incidents()[0].id
    room = f"/w/{burst.workspace.slug}/campaigns/{burst.campaign.id}/ledger"
    assert "Bounces that nobody believes" not in as_ada.get(room).text
    assert as_ada.get(f"{room}/incidents/{number}").status_code == 404
    assert as_ada.post(f"{room}/incidents/{number}", data={"asked": "25"}).status_code == 404
    assert planned(burst) == []


def test_a_bounce_that_came_otherwise_is_believed(burst: Crowd) -> None:
    """Another reason, another provider, or again after the incident was over: not among them."""
    messages = burst.messages
    burst.tell(slice(25, 27), lambda: bounce("mailboxfull", words="552 5.2.2 mailbox full"))
    with in_workspace(burst.workspace.id):
        elsewhere = update(Message).where(Message.id == messages[0].id)
        db.session.execute(elsewhere.values(provider="yahoo", reason="userunknown"))
        db.session.commit()
    number = decide(burst, "discard")
    with in_workspace(burst.workspace.id):
        db.session.execute(text("UPDATE incidents SET ended_at = :at"), {"at": clock.now() + timedelta(minutes=1)})
        again = update(Message).where(Message.id == messages[1].id)
        db.session.execute(again.values(reason="userunknown"))
        fact = {"kind": "bounced", "data": {"reason": "userunknown"}, "at": clock.now() + timedelta(minutes=2)}
        whose = {"workspace_id": burst.workspace.id, "campaign_id": burst.campaign.id, "message_id": messages[1].id}
        db.session.execute(insert(Event).values(id=uuid4(), **whose, **fact))
        db.session.commit()
        [found] = discarded_of(burst.campaign.id)
        assert (found.incident_id, found.count) == (number, 23)
        assert try_came_back(burst.campaign.id, number, by="Ada").tried == 23
        db.session.commit()
        assert ledger(burst.campaign.id).count(State.BOUNCED) == 4
    assert planned(burst) == [message.id for message in messages[2:25]]


def test_what_came_back_after_a_late_burst_is_believed(burst: Crowd) -> None:
    """It was told of late, so it reaches to its last failure, and not to when it was found to be over."""
    number, late = decide(burst, "discard"), clock.now() - timedelta(minutes=30)
    with in_workspace(burst.workspace.id):
        mine = {"campaign": burst.campaign.id, "number": number, "late": late, "first": burst.messages[0].id}
        for statement in _TOLD_LATE:
            db.session.execute(text(statement), mine)
        db.session.commit()
        [found] = discarded_of(burst.campaign.id)
        assert (found.incident_id, found.count) == (number, 24)


_TOLD_LATE = (
    "UPDATE events SET at = :late WHERE campaign_id = :campaign AND message_id <> :first",
    "UPDATE incidents SET began_at = :late, last_at = :late WHERE id = :number",
    "UPDATE messages SET reason = 'userunknown' WHERE id = :first",
)


def test_an_editor_may_and_a_viewer_may_not(app: Flask, eve: User, vic: User, burst: Crowd) -> None:
    number, room = decide(burst, "discard"), f"/w/{burst.workspace.slug}/campaigns/{burst.campaign.id}/ledger"
    as_vic = sign_in(app, vic)
    assert "Send to these 25" not in as_vic.get(room).text
    assert as_vic.post(f"{room}/incidents/{number}", data={"asked": "25"}).status_code == 403
    assert sign_in(app, eve).get(f"{room}/incidents/{number}").status_code == 200


def test_another_workspace_finds_nothing(burst: Crowd) -> None:
    number = decide(burst, "discard")
    other = create_workspace("Elsewhere")
    db.session.commit()
    with in_workspace(other.id):
        assert discarded_of(burst.campaign.id) == []
        with pytest.raises(NotFound):
            try_came_back(burst.campaign.id, number, by="Mallory")
