"""Undoing and discarding amid everything else: what else was said of a person stays, and nobody waits in a circle."""

from threading import Event as Signal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app.accounts.models import Workspace
from app.audience.lists import create_list
from app.audience.models import Subscriber, Suppression
from app.audience.subscriptions import confirm, subscribe
from app.audience.suppressions import Reason, lift, suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Message
from app.tracking.acting.facts import Told
from app.tracking.acting.together import act_together
from app.tracking.incidents import bursts, decisions
from app.tracking.models import BouncePoint
from tests.tracking.acting.world import bounce, plain
from tests.tracking.incidents.crowd import Crowd, crowd
from tests.tracking.incidents.test_races import at_once

pytestmark = pytest.mark.long


@pytest.fixture
def burst(workspace: Workspace) -> Crowd:
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(None), lambda: bounce("userunknown", "permanent"))
    made.watch()
    return made


def decide(made: Crowd, verb: str) -> Any:
    with in_workspace(made.workspace.id):
        done = getattr(decisions, verb)(made.incidents()[0].id, None)
        db.session.commit()
    return done


def reasons(made: Crowd) -> dict[bytes, str]:
    with in_workspace(made.workspace.id):
        query = select(Suppression.address_hash, Suppression.reason).where(Suppression.lifted_at.is_(None))
        return {row.address_hash: row.reason for row in db.session.execute(query)}


@pytest.mark.parametrize("when", ["while it is held", "after it was believed"])
def test_a_complaint_outlives_the_undoing(burst: Crowd, when: str) -> None:
    if when == "while it is held":
        burst.tell(slice(0, 1), lambda: plain("complaint"))
    decide(burst, "believe")
    if when == "after it was believed":
        burst.tell(slice(0, 1), lambda: plain("complaint"))
    decide(burst, "undo")
    assert reasons(burst) == {burst.hash_of(0): "complained"}


def test_a_complaint_that_comes_while_it_is_believed_outlives_the_undoing(app: Flask, burst: Crowd) -> None:
    believed, complained = Signal(), Signal()
    last = burst.messages[-1]
    workspace_id, address, number = burst.workspace.id, last.address, last.id

    def believe() -> None:
        with in_workspace(workspace_id):
            decisions.believe(burst.incidents()[0].id, None)
            believed.set()
            complained.wait(1)
            db.session.commit()

    def complain() -> None:
        believed.wait(10)
        with in_workspace(workspace_id):
            suppress(address, Reason.COMPLAINED, message_id=number)
            db.session.commit()
        complained.set()

    done = at_once(app, believe, complain)
    assert not [one for one in done if isinstance(one, Exception)]
    decide(burst, "undo")
    assert reasons(burst) == {burst.hash_of(-1): "complained"}


def test_who_was_let_in_again_by_hand_stays_so(burst: Crowd) -> None:
    decide(burst, "believe")
    with in_workspace(burst.workspace.id):
        query = select(Suppression.id).where(Suppression.address_hash == burst.hash_of(0))
        lift(db.session.scalars(query).one(), note="She wrote to us.")
        db.session.commit()
    burst.watch()
    decide(burst, "undo")
    burst.watch()
    with in_workspace(burst.workspace.id):
        found = db.session.scalars(select(Suppression).where(Suppression.address_hash == burst.hash_of(0))).all()
    assert [one.lifted_at is None for one in found] == [False]
    assert found[0].evidence.endswith("Lifted: She wrote to us.")


def test_who_confirmed_from_that_mailbox_meanwhile_is_not_dead(burst: Crowd) -> None:
    with in_workspace(burst.workspace.id):
        person = db.session.get_one(Subscriber, burst.messages[-1].subscriber_id)
        confirm(subscribe(person, create_list("Nest"), source="form"), source="link")
        db.session.commit()
    held = [one for one in burst.held() if one.suppression_id is None]
    assert decide(burst, "believe") == len(held) - 1
    assert burst.hash_of(-1) not in burst.suppressed()


def test_who_decides_waits_for_nobody_in_a_circle(app: Flask, workspace: Workspace) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 60)
    made.tell(slice(0, 40), lambda: bounce("userunknown", "permanent"))
    made.watch()
    ids, workspace_id, number = [one.id for one in made.messages], workspace.id, made.incidents()[0].id
    holds, begun = Signal(), Signal()

    def tell() -> None:
        """A batch in which one message came back before: it is held from the beginning."""
        with in_workspace(workspace_id):
            query = select(Message.id).where(Message.id.in_([ids[0], ids[50]])).order_by(Message.id)
            db.session.execute(query.with_for_update(key_share=True))
            holds.set()
            begun.wait(10)
            told = [Told(one, bounce("userunknown"), "webhook:ses", clock.now()) for one in (ids[0], ids[50])]
            act_together(told)
            db.session.commit()

    def discard() -> None:
        holds.wait(10)
        with in_workspace(workspace_id):
            begun.set()
            decisions.discard(number, None)
            db.session.commit()

    done = at_once(app, tell, discard)
    assert not [one for one in done if isinstance(one, Exception)]
    made.watch()
    assert made.suppressed() == set()


def test_days_that_come_after_the_discarding_do_not_count_either(workspace: Workspace) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 60)
    made.tell(slice(0, 40), lambda: bounce("mailboxfull"))
    made.watch()
    decide(made, "discard")
    assert points(workspace) == 0
    made.tell(slice(40, 60), lambda: bounce("mailboxfull"))
    made.watch()
    assert points(workspace) == 0


def test_an_incident_of_a_domain_reaches_its_people_when_the_provider_is_found_out(workspace: Workspace) -> None:
    bursts._rest.clear()
    domain = f"late{workspace.id}.example.net"
    made = crowd(workspace, 40, provider="", domain=domain)
    made.tell(slice(None), lambda: bounce("mailboxfull"))
    made.watch()
    (incident,) = made.incidents()
    assert incident.provider == domain
    known = text("INSERT INTO mailbox_domains (domain, provider, good_until) VALUES (:name, 'google', now())")
    db.session.execute(known, {"name": domain})
    db.session.commit()
    decide(made, "discard")
    assert points(workspace) == 0
    with in_workspace(workspace.id):
        doubted = select(func.count()).where(Message.campaign_id == made.campaign.id, Message.reason == "onhold")
        assert db.session.scalar(doubted) == 40


def points(workspace: Workspace) -> int:
    with in_workspace(workspace.id):
        return db.session.scalar(select(func.count()).select_from(BouncePoint)) or 0
