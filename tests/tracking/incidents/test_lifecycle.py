"""Failures, signs of life, complaints and decisions in any order: who is suppressed always has a cause that holds."""

from datetime import date, datetime, timedelta
from itertools import count
from typing import ClassVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select

from app.accounts.setup import create_workspace
from app.audience.models import Suppression
from app.audience.suppressions import lift, suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Conflict
from app.tracking.acting.facts import Told
from app.tracking.acting.together import act_together
from app.tracking.incidents import bursts, decisions
from app.tracking.models import BouncePoint, Incident
from tests.tracking.acting.world import bounce, plain
from tests.tracking.incidents.crowd import crowd

PEOPLE = 30
SPANS = st.tuples(st.integers(0, PEOPLE - 1), st.integers(1, PEOPLE)).map(lambda span: range(PEOPLE)[slice(*span)])
_names = count()


class Lifecycle(RuleBasedStateMachine):
    """Thirty people of one provider; the model knows whose will it was, who died, and who failed on which days."""

    app: ClassVar[Flask]

    @initialize(days=st.integers(2, 3))
    def begin(self, days: int) -> None:
        self.context = self.app.app_context()
        self.context.push()
        bursts._rest.clear()
        self.workspace = create_workspace("Aviary of incidents")
        self.workspace.bounce_days, self.workspace.bounce_span = days, days - 1
        db.session.commit()
        self.crowds = [crowd(self.workspace, PEOPLE, prefix=f"m{next(_names)}-")]
        self.passed = timedelta(0)
        self.willed: set[int] = set()
        self.died: set[int] = set()
        self.failed: dict[int, set[date]] = {}

    @rule(who=SPANS, ago=st.sampled_from([0, 0, 2]))
    def die(self, who: range, ago: int) -> None:
        self._tell(who, "userunknown", ago)
        self.died.update(who)

    @rule(who=SPANS, ago=st.sampled_from([0, 0, 3]))
    def fill_up(self, who: range, ago: int) -> None:
        at = self._tell(who, "mailboxfull", ago)
        for one in who:
            self.failed.setdefault(one, set()).add(at.date())

    @rule(one=st.integers(0, PEOPLE - 1))
    def complain(self, one: int) -> None:
        with clock.moved(self.passed), in_workspace(self.workspace.id):
            act_together([Told(self.crowds[0].messages[one].id, plain("complaint"), "mail", clock.now())])
            db.session.commit()
        self.willed.add(one)

    @rule(one=st.integers(0, PEOPLE - 1))
    def stop_by_hand(self, one: int) -> None:
        with clock.moved(self.passed), in_workspace(self.workspace.id):
            suppress(self.crowds[0].messages[one].address, "manual")
            db.session.commit()
        self.willed.add(one)

    @rule(one=st.integers(0, PEOPLE - 1))
    def let_in_again(self, one: int) -> None:
        digest = self.crowds[0].hash_of(one)
        with clock.moved(self.passed), in_workspace(self.workspace.id):
            query = select(Suppression.id).where(Suppression.address_hash == digest, Suppression.lifted_at.is_(None))
            for number in db.session.scalars(query).all():
                lift(number)
            db.session.commit()
        self.willed.discard(one)

    @rule(minutes=st.sampled_from([5, 40, 60 * 11, 60 * 25]))
    def wait(self, minutes: int) -> None:
        self.passed += timedelta(minutes=minutes)
        self.watch()

    @rule()
    def watch(self) -> None:
        with clock.moved(self.passed):
            self.crowds[0].watch()

    @precondition(lambda self: self._incidents())
    @rule(verb=st.sampled_from(["believe", "discard", "undo"]), data=st.data())
    def decide(self, verb: str, data: st.DataObject) -> None:
        number, before = data.draw(st.sampled_from(self._incidents()))
        allowed = before == "believed" if verb == "undo" else before == ""
        with clock.moved(self.passed), in_workspace(self.workspace.id):
            try:
                getattr(decisions, verb)(number, None)
            except Conflict:
                db.session.rollback()
                assert not allowed
                return
            db.session.commit()
        assert allowed
        if verb != "believe":
            assert self._came_of(number) == set(), "nothing that came of it is left"

    @invariant()
    def whose_will_it_is_gets_no_mail(self) -> None:
        suppressed = self._suppressed()
        for one in self.willed:
            assert suppressed.get(self.crowds[0].hash_of(one)) in ("complained", "manual")

    @invariant()
    def who_is_given_up_was_dead_or_failed_for_days(self) -> None:
        suppressed = self._suppressed()
        for one in range(PEOPLE):
            if suppressed.get(self.crowds[0].hash_of(one)) == "bounced" and one not in self.died:
                assert len(self.failed.get(one, ())) >= self.workspace.bounce_days

    @invariant()
    def nothing_that_was_taken_back_is_in_force(self) -> None:
        for number, decision in self._incidents():
            if decision == "undone":
                assert self._came_of(number) == set()

    @invariant()
    def a_day_is_one_point(self) -> None:
        with in_workspace(self.workspace.id):
            rows = db.session.execute(select(BouncePoint.address_hash, BouncePoint.day)).all()
        for one in range(PEOPLE):
            days = {row.day for row in rows if row.address_hash == self.crowds[0].hash_of(one)}
            assert days <= self.failed.get(one, set())

    def teardown(self) -> None:
        if hasattr(self, "context"):
            db.session.rollback()
            self.context.pop()

    def _tell(self, who: range, reason: str, hours: int) -> datetime:
        with clock.moved(self.passed), in_workspace(self.workspace.id):
            at = clock.now() - timedelta(hours=hours)
            messages = [self.crowds[0].messages[one].id for one in who]
            act_together([Told(number, bounce(reason), "mail", at) for number in messages])
            db.session.commit()
        return at

    def _incidents(self) -> list[tuple[int, str]]:
        with in_workspace(self.workspace.id):
            rows = db.session.execute(select(Incident.id, Incident.decision).where(Incident.kind == "burst")).all()
        return [(row.id, row.decision) for row in rows]

    def _suppressed(self) -> dict[bytes, str]:
        with in_workspace(self.workspace.id):
            query = select(Suppression.address_hash, Suppression.reason).where(Suppression.lifted_at.is_(None))
            return {row.address_hash: row.reason for row in db.session.execute(query)}

    def _came_of(self, number: int) -> set[bytes]:
        """Suppressions in force that the incident wrote or took in."""
        with in_workspace(self.workspace.id):
            held = self.crowds[0].held()
            mine = [one.suppression_id for one in held if one.incident_id == number and one.suppression_id]
            query = select(Suppression.address_hash).where(Suppression.id.in_(mine), Suppression.lifted_at.is_(None))
            return set(db.session.scalars(query))


@pytest.mark.long
def test_whoever_is_suppressed_has_a_cause_that_holds(app: Flask, context: None) -> None:
    Lifecycle.app = app
    rules = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_machine(Lifecycle, settings=rules)
