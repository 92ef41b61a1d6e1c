"""Two at once: workers who hear of the same, owners who decide, and an owner who decides while facts come in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Conflict
from app.messages.models import Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import Fact
from app.tracking.incidents import bursts, decisions
from tests.factories.messages import Sent, sent_message
from tests.tracking.acting.world import bounce, incidents, plain, suppressions
from tests.tracking.incidents.crowd import crowd

pytestmark = pytest.mark.long


def at_once(app: Flask, *deeds: Callable[[], object]) -> list[object]:
    """Each in a thread and a session of its own, begun together; what each returned or raised."""
    barrier = Barrier(len(deeds))

    def run(deed: Callable[[], object]) -> object:
        with app.app_context():
            barrier.wait(10)
            try:
                return deed()
            except (Conflict, OperationalError) as error:
                db.session.rollback()
                return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [one.result(30) for one in [pool.submit(copy_context().run, run, deed) for deed in deeds]]


def telling(sent: Sent, fact: Fact, source: str) -> Callable[[], str]:
    workspace_id, message_id = sent.workspace.id, sent.message.id

    def tell() -> str:
        with in_workspace(workspace_id):
            done = act(db.session.get_one(Message, message_id), fact, source, clock.now())
            db.session.commit()
        return done

    return tell


@pytest.mark.parametrize("kind", ["bounce", "complaint"])
def test_two_ways_tell_the_same_at_once(app: Flask, workspace: Workspace, kind: str) -> None:
    for number in range(5):
        sent = sent_message(workspace, f"ada{number}@example.org")
        fact = bounce("userunknown") if kind == "bounce" else plain("complaint")
        done = at_once(app, *[telling(sent, fact, f"webhook:{one}") for one in range(4)])
        assert sorted(str(one).startswith("known already") for one in done) == [False, True, True, True]
        assert len(sent.events()) == 1
    assert len(suppressions(sent)) == 5


def test_two_open_one_incident(app: Flask, workspace: Workspace) -> None:
    sents = [sent_message(workspace, f"ada{number}@example.org") for number in range(4)]
    for sent in sents:
        sent.message.provider = "google"
    db.session.commit()
    done = at_once(app, *[telling(sent, bounce("blocked"), "mail") for sent in sents])
    assert not [one for one in done if isinstance(one, Exception)]
    (incident,) = incidents(sents[0])
    assert incident.count == 4


@pytest.mark.parametrize("pair", [("believe", "discard"), ("believe", "believe"), ("discard", "discard")])
def test_of_two_decisions_one_holds(app: Flask, workspace: Workspace, pair: tuple[str, str]) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(None), lambda: bounce("userunknown", "permanent"))
    made.watch()
    number, workspace_id = made.incidents()[0].id, workspace.id

    def deciding(verb: str) -> Callable[[], object]:
        def decide() -> object:
            with in_workspace(workspace_id):
                getattr(decisions, verb)(number, None)
                db.session.commit()
            return verb

        return decide

    done = at_once(app, *[deciding(verb) for verb in pair])
    (won,) = [one for one in done if not isinstance(one, Conflict)]
    assert len(made.suppressed()) == (40 if won == "believe" else 0)


@pytest.mark.parametrize("verb", ["believe", "discard"])
def test_a_decision_amid_the_burst_holds_for_all_of_it(app: Flask, workspace: Workspace, verb: str) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 120)
    made.tell(slice(0, 80), lambda: bounce("userunknown", "permanent"))
    made.watch()
    number, workspace_id = made.incidents()[0].id, workspace.id

    def decide() -> None:
        with in_workspace(workspace_id):
            getattr(decisions, verb)(number, None)
            db.session.commit()

    def telling_some(ids: list[int]) -> Callable[[], None]:
        def tell() -> None:
            with in_workspace(workspace_id):
                for one in ids:
                    fact = bounce("userunknown", "permanent")
                    act(db.session.get_one(Message, one), fact, "mail", clock.now())
                    db.session.commit()

        return tell

    ids = [message.id for message in made.messages]
    done = at_once(app, telling_some(ids[80:100]), telling_some(ids[100:]), decide)
    assert not [one for one in done if isinstance(one, Exception)]
    made.watch()
    assert len(made.suppressed()) == (120 if verb == "believe" else 0)
