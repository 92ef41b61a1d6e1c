"""What a profile shows of a person's messages, and what erasing leaves of them."""

import uuid
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.erasure import erase
from app.audience.history import timeline
from app.core import clock
from app.core.database import db
from app.messages.models import Attempt, Event, Message
from tests.factories.messages import sent_message


def _event(message: Message, kind: str, **values: object) -> None:
    db.session.add(
        Event(
            id=uuid.uuid4(),
            at=clock.now(),
            message_id=message.id,
            campaign_id=message.campaign_id,
            subscriber_id=message.subscriber_id,
            kind=kind,
            **values,
        )
    )
    db.session.flush()


def test_each_message_and_each_event_is_a_row(as_ada: FlaskClient, scope: Workspace) -> None:
    sent = sent_message(scope)
    _event(sent.message, "opened", label="machine")
    _event(sent.message, "clicked", label="human", link_id=sent.links[0].id)
    db.session.commit()
    facts = timeline(sent.person)
    assert {fact.kind for fact in facts} == {"sent", "opened", "clicked"}
    assert {fact.campaign for fact in facts} == {sent.campaign.name}
    page = as_ada.get(f"/w/{scope.slug}/people/{sent.person.id}").text
    for words in ("Opened", "a machine", "Clicked", "a person", sent.links[0].url.partition("?")[0]):
        assert words in page


def test_erasing_masks_the_address_in_the_ledger(scope: Workspace) -> None:
    sent = sent_message(scope)
    address, message_id = sent.person.address, sent.message.id
    db.session.add(
        Attempt(
            at=clock.now(),
            message_id=message_id,
            campaign_id=sent.campaign.id,
            transport="smtp",
            outcome="deferred",
            reply=f"450 <{address}>: try later",
        )
    )
    _event(sent.message, "opened", label="human")
    db.session.flush()
    erase(sent.person)
    db.session.commit()
    db.session.expire_all()
    message = db.session.scalars(select(Message).where(Message.id == message_id)).one()
    assert message.subscriber_id is None
    assert message.address == f"{address[0]}…@{address.partition('@')[2]}"
    replies = db.session.scalars(select(Attempt.reply).where(Attempt.message_id == message_id))
    assert not any(address in reply for reply in replies)
    events = db.session.scalars(select(Event.subscriber_id).where(Event.message_id == message_id)).all()
    assert events
    assert set(events) == {None}


def test_a_bounce_is_one_fact_with_its_cause(as_ada: FlaskClient, scope: Workspace) -> None:
    sent = sent_message(scope)
    sent.message.state, sent.message.reason = "bounced", "userunknown"
    _event(sent.message, "bounced")
    db.session.commit()
    facts = timeline(sent.person)
    assert sorted((fact.kind, fact.reason) for fact in facts) == [("bounced", "userunknown"), ("sent", "")]
    page = as_ada.get(f"/w/{scope.slug}/people/{sent.person.id}").text
    assert "No such mailbox" in page
    assert "userunknown" not in page


def test_doubts_decisions_and_every_attempt_stand_there(as_ada: FlaskClient, scope: Workspace) -> None:
    sent = sent_message(scope)
    now = clock.now()
    steps = [
        ("uncertain", "unanswered", "lost", 50), ("planned", "decided", "To be sent again: decided by Rani.", 40),
        ("uncertain", "unanswered", "lost", 30), ("sent", "decided", "Taken as sent: decided by Rani.", 20),
        ("sent", "", "250 Ok", 10), ("deferred", "greylisted", "450 later", 5),
    ]  # fmt: skip
    for outcome, reason, words, minutes in steps:
        at = now - timedelta(minutes=minutes)
        db.session.add(
            Attempt(
                at=at, message_id=sent.message.id, campaign_id=sent.campaign.id, transport="", outcome=outcome,
                reply=words, reason=reason,
            )
        )  # fmt: skip
    sent.message.sent_at = now - timedelta(minutes=10)
    db.session.commit()
    facts = sorted(timeline(sent.person), key=lambda fact: fact.at)
    assert [fact.kind for fact in facts] == ["uncertain", "settled", "uncertain", "settled", "sent"]
    page = as_ada.get(f"/w/{scope.slug}/people/{sent.person.id}").text
    assert "Taken as sent: decided by Rani." in page
    assert "unanswered" not in page
    assert "no clear answer came" in page
