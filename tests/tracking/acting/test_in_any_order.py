"""Facts in any order, repeated, by several ways: nobody is lost without a cause, and the end does not depend on it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ClassVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.audience.models import Suppression
from app.audience.suppressions import is_suppressed
from app.core.database import db, in_workspace
from app.mail.reasons import REASONS
from app.messages.dead_addresses import DEAD
from app.tracking.acting.act import KNOWN, act
from app.tracking.acting.facts import Fact
from app.tracking.models import Incident
from tests.factories.messages import Sent, sent_message

_worlds = count()
SOURCES = st.sampled_from(["mail", "webhook:ses", "webhook:generic"])
KINDS: list[Any] = ["bounce", "bounce", "delayed", "delivered", "complaint", "autoreply", "reply", "challenge", "none"]
WHY = sorted(REASONS.keys() - {"hostunknown", "delivered", "feedback", "vacation"})
LASTING: Any = st.sampled_from(["permanent", "temporary"])


@dataclass(frozen=True)
class Told:
    """A fact about one of the messages, some days ago. A report has one time: repeated, it has it again."""

    number: int
    fact: Fact
    source: str
    days: int

    @property
    def of_its_day(self) -> Fact:
        return replace(self.fact, key=f"{self.fact.key}-{self.days}")


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    kind, number = draw(st.sampled_from(KINDS)), draw(st.integers(0, 2))
    if kind not in ("bounce", "delayed"):
        return Fact(kind, f"{kind}-{number}", diagnostic=f"a {kind}")
    reason, lasting = draw(st.sampled_from(WHY)), draw(LASTING)
    key = f"{reason}-{lasting}-{number}"
    return Fact(kind, key, REASONS[reason].scope, lasting, reason, diagnostic=f"said {reason}")


def is_cause(fact: Fact) -> bool:
    dead = fact.kind == "bounce" and fact.reason in DEAD and fact.persistence == "permanent"
    return dead or fact.kind == "complaint"


class Facts(RuleBasedStateMachine):
    """Facts about three people, day after day, against a model that knows only causes."""

    app: ClassVar[Flask]

    @initialize()
    def begin(self) -> None:
        self.context = self.app.app_context()
        self.context.push()
        self.workspace = create_workspace("Aviary of facts")
        db.session.commit()
        self.sent = [sent_message(self.workspace, f"{name}@example.org") for name in ("ada", "eve", "vic")]
        self.causes: set[int] = set()
        self.days: dict[int, set[int]] = {}
        self.told: list[tuple[int, Fact, str, datetime]] = []
        self.noon = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    @rule(number=st.integers(0, 2), fact=facts(), source=SOURCES, days=st.integers(0, 40))
    def hear(self, number: int, fact: Fact, source: str, days: int) -> None:
        at = self.noon - timedelta(days=days)
        self._tell(number, fact, source, at)
        self.told.append((number, fact, source, at))
        if is_cause(fact):
            self.causes.add(number)
        elif fact.kind == "bounce" and fact.scope in ("address", "domain"):
            self.days.setdefault(number, set()).add(days)

    @rule(number=st.integers(0, 2), gap=st.integers(3, 6))
    def fail_for_weeks(self, number: int, gap: int) -> None:
        for step in range(5):
            fact = Fact("bounce", f"weeks-{gap}-{step}", "address", "temporary", "mailboxfull", diagnostic="full")
            self.hear(number, fact, "mail", step * gap)

    @rule()
    def hear_all_again(self) -> None:
        before = self._world()
        for number, fact, source, at in self.told:
            done = self._tell(number, fact, source, at)
            assert done == KNOWN or "nothing was changed" in done
        assert self._world() == before

    @invariant()
    def nobody_is_lost_without_a_cause(self) -> None:
        for number in range(3):
            with in_workspace(self.workspace.id):
                lost = is_suppressed(self.sent[number].person)
            assert lost or number not in self.causes
            if lost and number not in self.causes:
                days = {day for day in self.days.get(number, set()) if day <= 30}
                assert len(days) >= 5
                assert max(days) - min(days) >= 14

    def teardown(self) -> None:
        if hasattr(self, "context"):
            db.session.rollback()
            self.context.pop()

    def _tell(self, number: int, fact: Fact, source: str, at: datetime) -> str:
        with in_workspace(self.workspace.id):
            done = act(self.sent[number].message, fact, source, at)
            db.session.commit()
        db.session.expire_all()
        return done

    def _world(self) -> object:
        with in_workspace(self.workspace.id):
            rows = db.session.execute(select(Suppression.id, Suppression.reason, Suppression.lifted_at)).all()
        return sorted(map(tuple, rows), key=str), [(one.now().state, len(one.events())) for one in self.sent]


@pytest.mark.long
def test_nobody_is_lost_without_a_cause(app: Flask, context: None) -> None:
    Facts.app = app
    run_state_machine_as_test(
        Facts,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def two(workspace: Workspace) -> tuple[Workspace, Workspace]:
    other = create_workspace("The other order")
    db.session.commit()
    return workspace, other


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_order_does_not_matter(two: tuple[Workspace, Workspace], data: st.DataObject) -> None:
    """Who is suppressed and why, whether a message bounced, what incidents count, and which days count."""
    told = data.draw(
        st.lists(st.builds(Told, st.integers(0, 1), facts(), SOURCES, st.integers(0, 3)), min_size=2, max_size=8)
    )
    again = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=3))))
    prefix = f"x{next(_worlds)}"
    assert _end(two[0], told, prefix) == _end(two[1], again, prefix)


def test_late_news_does_not_silence_that_of_today(two: tuple[Workspace, Workspace]) -> None:
    fact = Fact("bounce", "refused", "sender-reputation", "permanent", "badreputation", diagnostic="listed")
    today, late = Told(0, fact, "mail", 0), Told(0, replace(fact, key="refused before"), "mail", 2)
    prefix = f"x{next(_worlds)}"
    assert _end(two[0], [today, late], prefix)[1] == [("badreputation", 1)]
    assert _end(two[1], [late, today], prefix)[1] == [("badreputation", 1)]


def _end(workspace: Workspace, told: list[Told], prefix: str) -> tuple[object, object]:
    noon = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ada = sent_message(workspace, f"ada@{prefix}.example.org")
    same = (ada.campaign, ada.variant, ada.links)
    sents = [ada, sent_message(workspace, f"eve@{prefix}.example.org", in_campaign=same, to_list=ada.mailing_list)]
    with in_workspace(workspace.id):
        for one in told:
            act(sents[one.number].message, one.of_its_day, one.source, noon - timedelta(days=one.days))
            db.session.commit()
        return [_fate(sent) for sent in sents], _incidents(prefix)


def _fate(sent: Sent) -> object:
    query = select(Suppression.reason).where(
        Suppression.address_hash == sent.person.address_hash, Suppression.lifted_at.is_(None)
    )
    return db.session.scalars(query).all(), sent.now().state, sorted({event.kind for event in sent.events()})


def _incidents(prefix: str) -> object:
    query = select(Incident.reason, Incident.count).where(Incident.provider == f"{prefix}.example.org")
    return sorted(map(tuple, db.session.execute(query).all()))
