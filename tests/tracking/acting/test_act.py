"""Each kind of fact has its consequence, and no more; told again, it has none."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dns.exception
import dns.resolver
import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.suppressions import is_suppressed, lift
from app.core import clock
from app.core.database import db, in_workspace
from app.mail.reasons import REASONS
from app.messages.dead_addresses import DEAD, SENDER_SIDE
from app.messages.models import Message
from app.tracking.acting.facts import Fact, NotYet, Told
from app.tracking.acting.together import act_together
from tests.factories.messages import Sent, sent_message
from tests.tracking.acting.world import bounce, incidents, is_kept, plain, points, suppressions, tell


class Resolver:
    """Answers every question with the same error."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.asked: list[str] = []

    def resolve(self, name: str, *_: object, **__: object) -> None:
        self.asked.append(name)
        if self.error:
            raise self.error


@pytest.fixture
def resolver(app: Flask) -> Iterator[Resolver]:
    resolver = Resolver(None)
    app.extensions["merpati.resolver"] = resolver
    yield resolver
    del app.extensions["merpati.resolver"]


@pytest.mark.parametrize("reason", ["userunknown", "hasmoved", "notaccept"])
def test_a_dead_address_is_given_up_in_the_whole_workspace(sent: Sent, reason: str) -> None:
    assert "is suppressed" in tell(sent, bounce(reason, "permanent", words="550 5.1.1 nobody here"))
    (found,) = suppressions(sent)
    assert (found.reason, found.list_id, found.message_id) == ("bounced", None, sent.message.id)
    assert found.evidence == "550 5.1.1 nobody here"
    assert (sent.now().state, sent.now().reason) == ("bounced", reason)
    assert points(sent) == []


@pytest.mark.parametrize("reason", sorted(REASONS.keys() - DEAD))
def test_no_other_reason_does(sent: Sent, reason: str) -> None:
    tell(sent, bounce(reason, "permanent"))
    assert is_kept(sent)
    assert sent.now().state == "bounced"


@pytest.mark.parametrize("reason", sorted(DEAD))
def test_nor_a_dead_one_for_a_while(sent: Sent, reason: str) -> None:
    tell(sent, bounce(reason, "temporary"))
    assert is_kept(sent)
    assert [point.reason for point in points(sent)] == [reason]


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (dns.resolver.NXDOMAIN(), True),  # type: ignore[no-untyped-call]
        (dns.resolver.NoAnswer(), False),  # type: ignore[no-untyped-call]
        (dns.resolver.NoNameservers(), False),  # type: ignore[no-untyped-call]
        (dns.exception.Timeout(), False),  # type: ignore[no-untyped-call]
        (OSError("no network"), False),
        (None, False),
    ],
)
def test_a_domain_is_gone_only_if_our_resolver_says_so(
    sent: Sent, resolver: Resolver, error: Exception | None, gone: bool
) -> None:
    resolver.error = error
    tell(sent, bounce("hostunknown", "permanent"))
    assert resolver.asked == ["example.org"]
    assert is_kept(sent) is not gone
    assert len(points(sent)) == (not gone)


@pytest.mark.parametrize("reason", sorted(SENDER_SIDE))
def test_what_speaks_of_us_opens_an_incident_instead(sent: Sent, workspace: Workspace, reason: str) -> None:
    grace = sent_message(workspace, "grace@example.org")
    tell(sent, bounce(reason, words="554 go away"))
    tell(sent, bounce(reason, words="554 go away"))
    tell(grace, bounce(reason, words="554 go away, we said"))
    (incident,) = incidents(sent)
    assert (incident.kind, incident.provider, incident.reason) == ("blocked", "example.org", reason)
    assert (incident.count, incident.words, incident.ended_at) == (2, "554 go away, we said", None)
    assert suppressions(sent) == []
    assert points(sent) == []


@pytest.mark.parametrize("kind", ["delayed", "delivered", "autoreply", "challenge", "reply", "feedback", "none"])
def test_what_is_no_bounce_is_recorded_at_most(sent: Sent, kind: str) -> None:
    tell(sent, plain(kind))
    assert is_kept(sent)
    assert (sent.now().state, points(sent), incidents(sent)) == ("sent", [], [])
    names = {"delayed": "deferred", "autoreply": "auto-replied", "challenge": "auto-replied", "reply": "replied"}
    expected = [] if kind in ("feedback", "none") else [names.get(kind, kind)]
    assert [event.kind for event in sent.events()] == expected


def test_a_complaint_suppresses_and_takes_the_place_of_a_bounce(sent: Sent) -> None:
    tell(sent, bounce("userunknown"))
    tell(sent, plain("complaint"))
    assert [one.reason for one in suppressions(sent)] == ["complained"]


@pytest.mark.parametrize("fact", [bounce("userunknown", key="same"), plain("complaint", key="same")])
def test_told_twice_is_told_once(sent: Sent, fact: Fact) -> None:
    for source in ("mail", "mail", "webhook:ses"):
        tell(sent, fact, source=source)
    assert len(sent.events()) == 1
    assert len(suppressions(sent)) == 1


def test_a_lasting_bounce_after_a_passing_one_of_that_day_counts(sent: Sent) -> None:
    tell(sent, bounce("userunknown", "temporary"))
    tell(sent, bounce("userunknown", "permanent"))
    assert not is_kept(sent)


@pytest.mark.parametrize("kind", ["bounce", "complaint"])
def test_what_was_lifted_stays_lifted_when_the_news_comes_again(sent: Sent, kind: str) -> None:
    tell(sent, _news(kind))
    with in_workspace(sent.workspace.id):
        lift(suppressions(sent)[0].id)
        db.session.commit()
    tell(sent, _news(kind), source="webhook:ses")
    with clock.moved(timedelta(days=2)):
        tell(sent, _news(kind))
    assert is_kept(sent)


def _news(kind: str) -> Fact:
    return bounce("userunknown") if kind == "bounce" else plain("complaint")


def test_the_next_message_may_find_it_dead_again(sent: Sent, workspace: Workspace) -> None:
    tell(sent, bounce("userunknown"))
    with in_workspace(workspace.id):
        lift(suppressions(sent)[0].id)
        db.session.commit()
    tell(sent_message(workspace), bounce("userunknown"))
    assert not is_kept(sent)


def test_a_message_that_is_being_sent_waits(workspace: Workspace) -> None:
    sent = sent_message(workspace, state="sending")
    with pytest.raises(NotYet):
        tell(sent, bounce("userunknown"))
    db.session.rollback()
    assert sent.events() == []


def test_a_fact_acts_in_its_own_workspace_only(sent: Sent) -> None:
    other = create_workspace("Other aviary")
    db.session.commit()
    twin = sent_message(other)
    tell(sent, bounce("userunknown"))
    tell(sent, bounce("blocked"))
    with in_workspace(other.id):
        assert not is_suppressed(twin.person)
    assert incidents(twin) == []


@pytest.mark.parametrize("together", [False, True])
def test_a_message_tried_again_may_come_back_for_the_same_reason_that_day(sent: Sent, together: bool) -> None:
    def hear(at: datetime) -> None:
        if not together:
            tell(sent, bounce("userunknown"), at=at)
            return
        with in_workspace(sent.workspace.id):
            act_together([Told(sent.message.id, bounce("userunknown"), "mail", at)])
            db.session.commit()

    noon = clock.now().replace(hour=12) - timedelta(days=1)
    _taken(sent, noon)
    hear(noon + timedelta(minutes=1))
    hear(noon + timedelta(minutes=2))
    assert len(sent.events("bounced")) == 1
    with in_workspace(sent.workspace.id):
        lift(suppressions(sent)[0].id)
        db.session.commit()
    _taken(sent, noon + timedelta(minutes=10))
    hear(noon + timedelta(minutes=11))
    hear(noon + timedelta(minutes=12))
    assert len(sent.events("bounced")) == 2
    assert (sent.now().state, sent.now().reason) == ("bounced", "userunknown")
    assert not is_kept(sent), "it was found dead anew"


def _taken(sent: Sent, at: datetime) -> None:
    with in_workspace(sent.workspace.id):
        again = update(Message).where(Message.id == sent.message.id)
        db.session.execute(again.values(state="sent", reason="", sent_at=at))
        db.session.commit()
