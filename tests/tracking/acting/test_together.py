"""Facts in one batch lead to what they lead to one by one, whatever they are and in whichever order they come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from dns.resolver import NXDOMAIN
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.models import Suppression
from app.core.database import db, in_workspace
from app.mail.reasons import REASONS
from app.messages.models import Attempt, Event, Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import Fact, NotYet, Told
from app.tracking.acting.gone import EXTENSION
from app.tracking.acting.together import act_together
from app.tracking.models import BouncePoint, HeldSuppression, Incident
from tests.factories.messages import Sent, sent_message
from tests.tracking.acting.world import bounce, is_kept, plain, points, suppressions

pytestmark = pytest.mark.long

_worlds = count()
_campaigns: dict[tuple[int, int], Sent] = {}
STATES = ["sent", "sent", "sent", "uncertain", "bounced", "sending", "deferred"]
KINDS = ["bounce", "bounce", "bounce", "delayed", "delivered", "complaint", "autoreply", "reply", "challenge", "none"]
WHY = sorted(REASONS.keys() - {"delivered", "feedback", "vacation"})


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    kind: Any = draw(st.sampled_from(KINDS))
    number = draw(st.integers(0, 2))
    if kind not in ("bounce", "delayed"):
        return Fact(kind, f"{kind}-{number}", diagnostic=f"a {kind}", feedback_type="abuse")
    # Full mailboxes often, so that some addresses gather enough days.
    reason = draw(st.one_of(st.sampled_from(["mailboxfull", "userunknown"]), st.sampled_from(WHY)))
    lasting: Any = draw(st.sampled_from(["permanent", "temporary"]))
    words = draw(st.sampled_from(["", f"said {reason}"]))
    return Fact(kind, f"{reason}-{lasting}-{number}", REASONS[reason].scope, lasting, reason, "5.1.1", 550, words)


tellings = st.lists(
    st.tuples(st.integers(0, 3), facts(), st.sampled_from(["mail", "webhook:ses"]), st.integers(0, 6)),
    min_size=1,
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=tellings, states=st.lists(st.sampled_from(STATES), min_size=4, max_size=4), cut=st.integers(0, 14))
def test_a_batch_is_as_one_by_one(two: tuple[Workspace, Workspace], story: Any, states: list[str], cut: int) -> None:
    """In one batch, or in two, some of it heard before; the odd ones come after, as in the jobs."""
    prefix, noon = f"t{next(_worlds)}", datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, second = (_people(workspace, prefix, states) for workspace in two)
    told = [(who, fact, source, noon - timedelta(days=days)) for who, fact, source, days in story]
    for part in (told[:cut], told[cut:], told[: cut // 2]):
        left = _in_a_batch(second, part)
        with in_workspace(two[0].id):
            for position in sorted(range(len(part)), key=lambda place: (place in left, place)):
                _one_by_one(first, part[position])
        with in_workspace(two[1].id):
            for position in left:
                _one_by_one(second, part[position])
    assert _end(second, prefix) == _end(first, prefix)


def test_a_batch_twice_is_once(workspace: Workspace) -> None:
    people = _people(workspace, f"t{next(_worlds)}", ["sent"] * 4)
    told = [(0, bounce("userunknown")), (1, plain("delivered")), (2, plain("complaint")), (3, bounce("mailboxfull"))]
    story: Any = [(who, fact, "mail", datetime.now(UTC)) for who, fact in told]
    assert _in_a_batch(people, story + story) == []
    before = _end(people, "")
    _in_a_batch(people, story)
    assert _end(people, "") == before
    assert [len(one.events()) for one in people] == [1, 1, 1, 1]


def test_of_one_person_the_order_stays(sent: Sent) -> None:
    """The same news by two ways is one event; a sign of life takes back the days before it, and not that after it."""
    full = [bounce("mailboxfull", key=key) for key in ("a", "b", "c")]
    days = [_now() - timedelta(days=number) for number in (5, 5, 3, 0)]
    told = [(full[0], "mail"), (full[1], "webhook:ses"), (plain("delivered"), "mail"), (full[2], "mail")]
    with in_workspace(sent.workspace.id):
        notes = act_together(
            [Told(sent.message.id, fact, source, at) for (fact, source), at in zip(told, days, strict=True)]
        )
        db.session.commit()
    assert notes[1] == "known already; nothing was changed"
    assert [event.kind for event in sent.events()] == ["bounced", "delivered", "bounced"]
    assert [point.day for point in points(sent)] == [days[3].date()]


def test_what_comes_all_at_once_is_held_and_not_believed(workspace: Workspace) -> None:
    sents = _many(workspace, 30)
    with in_workspace(workspace.id):
        notes = act_together([Told(one.message.id, bounce("userunknown"), "mail", _now()) for one in sents])
        db.session.commit()
        [incident] = db.session.scalars(select(Incident))
        held = db.session.scalars(select(HeldSuppression)).all()
    assert (incident.kind, incident.reason, len(held)) == ("burst", "userunknown", 30)
    assert suppressions(sents[0]) == []
    assert set(notes.values()) == {
        "bounced: userunknown; many fail alike, so the address is kept until somebody decides"
    }
    assert {one.now().state for one in sents} == {"bounced"}


def test_messages_of_another_workspace_are_left_alone(sent: Sent) -> None:
    with in_workspace(create_workspace("Elsewhere").id):
        assert act_together([Told(sent.message.id, bounce("userunknown"), "mail", _now())]) == {}
        db.session.commit()
    assert (sent.events(), sent.now().state, is_kept(sent)) == ([], "sent", True)


def test_a_message_that_somebody_holds_is_left_for_later(sent: Sent) -> None:
    with db.engine.connect() as other:
        other.execute(select(Message.id).where(Message.id == sent.message.id).with_for_update())
        with in_workspace(sent.workspace.id):
            assert act_together([Told(sent.message.id, plain("delivered"), "mail", _now())]) == {}
    db.session.rollback()
    assert sent.events() == []


class NoSuchName:
    """A resolver to which every domain is gone."""

    def resolve(self, *_: object, **__: object) -> None:
        raise NXDOMAIN


@pytest.fixture(autouse=True)
def resolver(app: Flask) -> Iterator[None]:
    app.extensions[EXTENSION] = NoSuchName()
    yield
    del app.extensions[EXTENSION]


@pytest.fixture
def two(workspace: Workspace) -> tuple[Workspace, Workspace]:
    other = create_workspace("Told at once")
    for each in (workspace, other):
        each.bounce_days, each.bounce_span, each.bounce_stale = 3, 2, 30
    db.session.commit()
    return workspace, other


def _people(workspace: Workspace, prefix: str, states: list[str]) -> list[Sent]:
    """Four messages to three people: Ada has two, Vic was erased since."""
    found: list[Sent] = []
    for (name, turn), state in zip((("ada", 0), ("ada", 1), ("eve", 0), ("vic", 0)), states, strict=True):
        same = _campaigns.get((workspace.id, turn))
        known: Any = (
            {"in_campaign": (same.campaign, same.variant, same.links), "to_list": same.mailing_list} if same else {}
        )
        found.append(sent_message(workspace, f"{name}@{prefix}.example.org", state=state, **known))
        _campaigns.setdefault((workspace.id, turn), found[-1])
    found[3].message.subscriber_id = None
    with in_workspace(workspace.id):
        for sent in found:
            if sent.message.state == "uncertain":
                db.session.add(
                    Attempt(
                        at=_now() - timedelta(days=8),
                        message_id=sent.message.id,
                        campaign_id=sent.campaign.id,
                        transport="",
                        outcome="uncertain",
                    )
                )
        db.session.commit()
    return found


def _many(workspace: Workspace, number: int) -> list[Sent]:
    first = sent_message(workspace, "p0@burst.example.org")
    same = (first.campaign, first.variant, first.links)
    rest = [
        sent_message(workspace, f"p{place}@burst.example.org", in_campaign=same, to_list=first.mailing_list)
        for place in range(1, number)
    ]
    return [first, *rest]


def _in_a_batch(people: list[Sent], story: list[tuple[int, Fact, str, datetime]]) -> list[int]:
    """Positions that were left."""
    with in_workspace(people[0].workspace.id):
        notes = act_together([Told(people[who].message.id, fact, source, at) for who, fact, source, at in story])
        db.session.commit()
    db.session.expire_all()
    return [place for place in range(len(story)) if place not in notes]


def _one_by_one(people: list[Sent], one: tuple[int, Fact, str, datetime]) -> None:
    who, fact, source, at = one
    try:
        act(people[who].message, fact, source, at)
        db.session.commit()
    except NotYet:
        db.session.rollback()
    db.session.expire_all()


def _end(people: list[Sent], prefix: str) -> object:
    """All that is known afterwards."""
    hashes = {one.person.address_hash: one.person.email for one in people}
    with in_workspace(people[0].workspace.id):
        stopped = db.session.scalars(select(Suppression).where(Suppression.address_hash.in_(hashes)))
        points = db.session.scalars(select(BouncePoint).where(BouncePoint.address_hash.in_(hashes)))
        incidents = db.session.scalars(select(Incident).where(Incident.provider == f"{prefix}.example.org"))
        attempts = select(Attempt).where(Attempt.message_id.in_([one.message.id for one in people]))
        return {
            "messages": [(one.now().state, one.message.reason) for one in people],
            "events": [sorted((_told(event) for event in one.events()), key=str) for one in people],
            "attempts": sorted((one.outcome, one.reply) for one in db.session.scalars(attempts)),
            "suppressions": sorted(
                (hashes[one.address_hash], one.hint, one.reason, one.evidence, one.lifted_at is None) for one in stopped
            ),
            "points": sorted((hashes[one.address_hash], str(one.day), one.reason, one.evidence) for one in points),
            "incidents": sorted((one.reason, one.count, one.words, one.began_at, one.seen_at) for one in incidents),
        }


def _told(event: Event) -> object:
    return event.kind, event.label, event.at, sorted(event.data.items(), key=str)


def _now() -> datetime:
    return datetime.now(UTC)
