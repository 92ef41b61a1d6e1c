"""Letters that refuse the sender hold the provider's lane of the transport they came by, and nothing less does."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.extensions import queue
from app.deliverability.guard.lanes import hold_lanes
from app.messages.models import Run
from app.sending.pacing.state import ProviderPace, provider_paces
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

LISTED = "550 5.7.1 Client host [192.0.2.25] blocked using lists.example.net"


pytestmark = pytest.mark.usefixtures("unslowed")


def test_letters_hold_the_lane(workspace: Workspace) -> None:
    made = sent_by(crowd(workspace, 100), 7)
    blocked(made, slice(0, 20))
    assert look() == 1
    (pace,) = provider_paces("7")
    assert (pace.provider, pace.slots) == ("google", 1)
    assert pace.held_until is not None
    assert LISTED[:30] in pace.why
    (incident,) = made.incidents("blocked")
    assert (incident.action, incident.transport_id) == ("held", 7)
    assert provider_paces("default") == []
    assert made.suppressed() == set()


def test_it_is_held_once_for_the_same_letters(workspace: Workspace) -> None:
    made = sent_by(crowd(workspace, 60), None)
    blocked(made, slice(0, 30))
    assert look() == 1
    open_lane("default")
    with clock.moved(timedelta(hours=1)):
        blocked(made, slice(30, 55))
        assert look() == 0, "their mail went out before the hold"
    with clock.moved(timedelta(hours=2)):
        later = sent_by(crowd(workspace, 40, prefix="later"), None)
        blocked(later, slice(0, 25))
        assert look() == 1, "it was tried again, and they refuse it again"
    assert held("default")


@pytest.mark.parametrize(("failing", "of"), [(19, 100), (25, 600)])
def test_few_or_a_small_share_hold_nothing(workspace: Workspace, failing: int, of: int) -> None:
    made = sent_by(crowd(workspace, of), 7)
    blocked(made, slice(0, failing))
    assert look() == 0
    assert provider_paces("7") == []


def test_one_person_with_many_mails_holds_nothing(workspace: Workspace) -> None:
    made = sent_by(crowd(workspace, 40), 7)
    one = made.messages[0].subscriber_id
    for number in range(3):
        again = sent_by(crowd(workspace, 10, prefix=f"c{number}"), 7)
        db.session.execute(
            text("UPDATE messages SET subscriber_id = :one WHERE id = :id"), {"one": one, "id": again.messages[0].id}
        )
        db.session.commit()
        blocked(again, slice(0, 1))
    blocked(made, slice(0, 18))
    assert made.incidents("blocked")[0].count >= 20
    assert look() == 0


@pytest.mark.parametrize("reason", ["spamdetected", "policyviolation", "userunknown", "mailboxfull"])
def test_what_speaks_of_content_or_people_holds_nothing(workspace: Workspace, reason: str) -> None:
    made = sent_by(crowd(workspace, 40), 7)
    made.tell(slice(0, 30), lambda: bounce(reason))
    made.watch()
    assert look() == 0


def test_another_transport_goes_on(workspace: Workspace) -> None:
    made = sent_by(crowd(workspace, 60), 7)
    sent_by(made, 8, slice(30, 60))
    blocked(made, slice(0, 25))
    assert look() == 1
    assert held("7")
    assert not held("8")


def test_what_came_back_is_of_the_transport_that_had_taken_it_not_of_the_one_that_tries_again(
    workspace: Workspace,
) -> None:
    made = sent_by(crowd(workspace, 60), 7)
    blocked(made, slice(0, 35))
    assert look() == 1
    with clock.moved(timedelta(minutes=40)):
        # Tried again: the messages' rows name the second transport from now on.
        sent_by(made, 8, slice(0, 35), again=True)
        open_lane("7")
        assert look() == 0
        assert held("8") is None, "its own mail was never refused"
    with clock.moved(timedelta(minutes=50)):
        blocked(made, slice(0, 25))
        assert look() == 1, "they refuse the second one as well"
        assert held("8")
    assert held("7") is None


def test_refusals_in_the_conversation_are_the_paces_own(workspace: Workspace) -> None:
    made = sent_by(crowd(workspace, 60), 7)
    blocked(made, slice(0, 30))
    db.session.execute(text("UPDATE events SET data = data - 'by'"))
    db.session.commit()
    assert look() == 0


def sent_by(made: Crowd, transport_id: int | None, which: slice = slice(None), *, again: bool = False) -> Crowd:
    """As a run by that transport leaves it: when `again`, just now and for the second time."""
    with in_workspace(made.workspace.id):
        run = Run(
            workspace_id=made.workspace.id, campaign_id=made.campaign.id, host="here", pid=1, journal="",
            transport_id=transport_id, seen_at=clock.now(), ended_at=clock.now(),
        )  # fmt: skip
        db.session.add(run)
        db.session.flush()
        binds = {"run": run.id, "name": f"T{transport_id}", "now": clock.now() if again else None}
        binds["ids"] = [message.id for message in made.messages[which]]
        if not again:
            db.session.execute(text("DELETE FROM attempts WHERE message_id = ANY(:ids)"), binds)
        db.session.execute(_SENT_BY, binds)
        db.session.commit()
    return made


_SENT_BY = text(
    """
    WITH moved AS (
        UPDATE messages SET run_id = :run, state = 'sent', reason = '',
                            sent_at = coalesce(CAST(:now AS timestamptz), sent_at)
        WHERE id = ANY(:ids) RETURNING *
    )
    INSERT INTO attempts (at, workspace_id, message_id, campaign_id, run_id, transport, outcome, code)
    SELECT sent_at, workspace_id, id, campaign_id, run_id, :name, 'sent', 250 FROM moved
    """
)


def blocked(made: Crowd, which: slice) -> None:
    made.tell(which, lambda: bounce("blocked", words=LISTED))
    made.watch()


def look() -> int:
    with every_workspace():
        held_now = hold_lanes()
        db.session.commit()
    db.session.expire_all()
    return held_now


def held(key: str) -> ProviderPace | None:
    return next((pace for pace in provider_paces(key) if pace.held_until), None)


def open_lane(key: str) -> None:
    queue().delete(f"merpati:pace:{key}", f"merpati:pace:{key}:google")
