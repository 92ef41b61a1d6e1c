"""After Believe: what is the incident's own stays believed, a fresh burst is asked about, and Undo lifts its own."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.tracking.acting import looking
from app.tracking.acting.facts import Told
from app.tracking.acting.together import act_together
from app.tracking.incidents import bursts, decisions
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd
from tests.tracking.incidents.test_races import at_once

LATE = timedelta(hours=2, minutes=30)
NOW = timedelta(0)


@pytest.fixture(autouse=True)
def _no_rest() -> None:
    bursts._rest.clear()
    looking._rest.clear()


def tell(
    made: Crowd, which: Iterable[int], ago: timedelta = NOW, reason: str = "userunknown", at: datetime | None = None
) -> None:
    """Failures of that time, told now and at once."""
    looking._rest.clear()
    at = at or clock.now() - ago
    with in_workspace(made.workspace.id):
        ids = [made.messages[one].id for one in which]
        act_together([Told(number, bounce(reason), "webhook:ses", at) for number in ids])
        db.session.commit()


def decide(as_ada: FlaskClient, made: Crowd, number: int, verb: str) -> int:
    incident = made.incidents()[number]
    return as_ada.post(f"/w/{made.workspace.slug}/incidents/{incident.id}/{verb}").status_code


def hashes(made: Crowd, which: Iterable[int]) -> set[bytes]:
    return {made.hash_of(one) for one in which}


@pytest.mark.parametrize("ago", [NOW, timedelta(hours=5)], ids=["today", "late as well"])
def test_a_fresh_burst_after_late_news_that_was_believed(
    as_ada: FlaskClient, workspace: Workspace, ago: timedelta
) -> None:
    made = crowd(workspace, 200)
    tell(made, range(30), LATE)
    decide(as_ada, made, 0, "believe")
    tell(made, range(100, 150), ago)
    assert made.suppressed() == hashes(made, range(30)), "the fresh ones are held"
    made.watch()
    first, second = made.incidents()
    assert (first.decision, first.count) == ("believed", 30)
    assert (second.decision, second.count) == ("", 50)
    page = as_ada.get(f"/w/{workspace.slug}/incidents/{second.id}").text
    assert "50 suppressions wait" in page
    assert decide(as_ada, made, 1, "believe") == 302
    assert decide(as_ada, made, 0, "undo") == 302
    assert made.suppressed() == hashes(made, range(100, 150)), "each decision is about its own"
    assert decide(as_ada, made, 1, "undo") == 302
    assert made.suppressed() == set()


def test_the_rest_of_a_backlog_that_is_told_after_the_decision(as_ada: FlaskClient, workspace: Workspace) -> None:
    made, at = crowd(workspace, 200), clock.now() - LATE
    tell(made, range(30), at=at)
    decide(as_ada, made, 0, "believe")
    tell(made, range(30, 35), at=at)
    made.watch()
    assert made.suppressed() == hashes(made, range(35)), "a few more of the same time are believed"
    (incident,) = made.incidents()
    assert "35 addresses were suppressed" in as_ada.get(f"/w/{workspace.slug}/incidents/{incident.id}").text
    tell(made, range(100, 150), at=at)
    made.watch()
    assert made.suppressed() == hashes(made, range(35)), "as many again are asked about"
    assert [one.decision for one in made.incidents()] == ["believed", ""]
    decide(as_ada, made, 1, "discard")
    made.watch()
    assert made.suppressed() == hashes(made, range(35))
    decide(as_ada, made, 0, "undo")
    assert made.suppressed() == set()


def test_a_trickle_within_a_live_incident_is_believed_and_as_many_again_are_not(
    as_ada: FlaskClient, workspace: Workspace
) -> None:
    made = crowd(workspace, 300)
    tell(made, range(40))
    decide(as_ada, made, 0, "believe")
    with clock.moved(timedelta(minutes=1)):
        tell(made, range(40, 75))
        made.watch()
        assert made.suppressed() == hashes(made, range(75))
        assert [one.decision for one in made.incidents()] == ["believed"]
        tell(made, range(75, 130))
        assert made.suppressed() == hashes(made, range(75)), "held from the batch on that doubles it"
    with clock.moved(timedelta(minutes=3)):
        tell(made, range(130, 140))
        made.watch()
        first, second = made.incidents()
        assert (first.decision, second.decision) == ("believed", "")
        assert first.ended_at is not None
        assert decide(as_ada, made, 1, "believe") == 302
        assert decide(as_ada, made, 0, "undo") == 302
        made.watch()
        assert made.suppressed() == hashes(made, range(75, 140))
        assert decide(as_ada, made, 1, "undo") == 302
        made.watch()
    assert made.suppressed() == set()


def test_small_batches_are_added_up(as_ada: FlaskClient, workspace: Workspace) -> None:
    made, at = crowd(workspace, 400), clock.now() - LATE
    tell(made, range(40), at=at)
    decide(as_ada, made, 0, "believe")
    for start in range(40, 140, 5):
        tell(made, range(start, start + 5), at=at)
    made.watch()
    assert [one.decision for one in made.incidents()] == ["believed", ""]
    assert made.suppressed() == hashes(made, range(75)), "from as many again on they are held"
    decide(as_ada, made, 0, "undo")
    decide(as_ada, made, 1, "discard")
    made.watch()
    assert made.suppressed() == set()


def test_what_is_believed_for_the_second_time_is_undone_alone(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 400)
    tell(made, range(30), LATE)
    decide(as_ada, made, 0, "believe")
    tell(made, range(100, 150))
    decide(as_ada, made, 1, "believe")
    tell(made, range(150, 160))
    made.watch()
    tell(made, range(300, 301), LATE)
    assert [one.decision for one in made.incidents()] == ["believed", "believed"]
    decide(as_ada, made, 1, "undo")
    made.watch()
    assert made.suppressed() == hashes(made, [*range(30), 300])


def test_undo_of_the_first_leaves_the_second_asking(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 300)
    tell(made, range(40))
    decide(as_ada, made, 0, "believe")
    with clock.moved(timedelta(minutes=1)):
        tell(made, range(100, 150))
        decide(as_ada, made, 0, "undo")
        tell(made, range(150, 160))
        made.watch()
        assert made.suppressed() == set()
        assert [one.decision for one in made.incidents()] == ["undone", ""]
        assert len([one for one in made.held() if one.incident_id == made.incidents()[1].id]) == 60
        decide(as_ada, made, 1, "believe")
    assert made.suppressed() == hashes(made, range(100, 160))


def test_late_news_during_a_live_incident_that_was_believed(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 300)
    tell(made, range(40))
    decide(as_ada, made, 0, "believe")
    tell(made, range(100, 101), timedelta(minutes=7))
    assert [one.decision for one in made.incidents()] == ["believed"], "one straggler asks nothing anew"
    tell(made, range(200, 250), LATE)
    made.watch()
    assert made.suppressed() == hashes(made, [*range(40), 100])
    assert [(one.decision, one.count) for one in made.incidents()] == [("believed", 40), ("", 50)]


def test_failures_for_a_while_are_asked_about_once_each(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 300)
    tell(made, range(40), reason="mailboxfull")
    decide(as_ada, made, 0, "believe")
    with clock.moved(timedelta(minutes=1)):
        tell(made, range(40, 60), reason="mailboxfull")
        made.watch()
        made.watch()
        assert [one.decision for one in made.incidents()] == ["believed"]
        tell(made, range(60, 100), reason="mailboxfull")
        made.watch()
        made.watch()
    assert [one.decision for one in made.incidents()] == ["believed", ""]


@pytest.mark.long
def test_a_fresh_burst_heard_by_two_while_the_first_is_undone(app: Flask, workspace: Workspace) -> None:
    made = crowd(workspace, 240)
    tell(made, range(40))
    number, workspace_id = made.incidents()[0].id, workspace.id
    with in_workspace(workspace_id):
        decisions.believe(number, None)
        db.session.commit()
    ids = [message.id for message in made.messages]

    def telling(part: list[int]) -> None:
        with in_workspace(workspace_id):
            for start in range(0, len(part), 10):
                looking._rest.clear()
                batch = part[start : start + 10]
                act_together([Told(one, bounce("userunknown"), "webhook:ses", clock.now()) for one in batch])
                db.session.commit()

    def undo() -> None:
        with in_workspace(workspace_id):
            decisions.undo(number, None)
            db.session.commit()

    done = at_once(app, lambda: telling(ids[40:140]), lambda: telling(ids[140:240]), undo)
    assert not [one for one in done if isinstance(one, Exception)]
    made.watch()
    assert made.suppressed() == set(), "believed by nobody any more: undone, or held and asked about"
    assert len(made.incidents()) <= 2
