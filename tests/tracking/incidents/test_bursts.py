"""Many alike failures within minutes suppress nobody until somebody decides, and everything can be taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.accounts.models import User, Workspace
from app.accounts.setup import create_workspace
from app.audience.suppressions import suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import Conflict, NotFound
from app.messages.dead_addresses import SUPPRESS_OR_HOLD, provider_sql
from app.tracking.acting.facts import Fact
from app.tracking.incidents import bursts, decisions
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd

ALL = slice(None)


@pytest.fixture(autouse=True)
def _no_rest() -> None:
    bursts._rest.clear()


def unknown() -> Fact:
    return bounce("userunknown", "permanent", words="550 5.1.1 user unknown")


def decide(made: Crowd, verb: str, number: int = 0) -> int:
    with in_workspace(made.workspace.id):
        done = getattr(decisions, verb)(made.incidents()[number].id, None)
        db.session.commit()
    db.session.expire_all()
    return int(done)


@pytest.mark.slow
def test_a_blocklist_loses_nobody(workspace: Workspace) -> None:
    made = crowd(workspace, 300)
    made.tell(ALL, lambda: bounce("blocked", words="550 5.7.1 your address is on our list"))
    made.watch()
    assert made.suppressed() == set()
    assert made.incidents() == []
    (incident,) = made.incidents("blocked")
    assert (incident.provider, incident.count, incident.of, incident.action) == ("google", 300, 300, "nothing")


@pytest.mark.slow
def test_a_blocklist_that_lies_loses_nobody_and_undo_restores_exactly(workspace: Workspace) -> None:
    made = crowd(workspace, 300)
    with in_workspace(workspace.id):
        suppress(made.messages[7].address, "bounced", evidence="an old bounce")
        suppress(made.messages[250].address, "manual")
        db.session.commit()
    before = made.suppressed()
    assert len(before) == 2

    made.tell(ALL, unknown)
    made.watch()

    (incident,) = made.incidents()
    assert (incident.provider, incident.reason, incident.count, incident.of) == ("google", "userunknown", 300, 300)
    waiting = [one for one in made.held() if one.suppression_id is None]
    assert len(waiting) > 200
    assert decide(made, "believe") > 200
    assert made.suppressed() == {made.hash_of(number) for number in range(300)}
    assert decide(made, "undo") == 298
    assert made.suppressed() == before


@pytest.mark.slow
def test_discarding_brings_back_those_written_before_it_was_noticed(workspace: Workspace) -> None:
    made = crowd(workspace, 300)
    made.tell(ALL, unknown)
    assert 0 < len(made.suppressed()) < 100
    decide(made, "discard")
    assert made.suppressed() == set()
    made.tell(slice(0, 30), lambda: bounce("hasmoved", "permanent"))
    assert made.suppressed() == set(), "their message was judged already"


def test_what_comes_after_a_decision_follows_it(workspace: Workspace) -> None:
    made = crowd(workspace, 100)
    made.tell(slice(0, 60), unknown)
    decide(made, "discard")
    made.tell(slice(60, 80), unknown)
    made.watch()
    assert made.suppressed() == set()

    other = crowd(workspace, 100, provider="yahoo", prefix="y")
    other.tell(slice(0, 60), unknown)
    decide(other, "believe", 1)
    other.tell(slice(60, 80), unknown)
    assert len(other.suppressed()) == 80
    decide(other, "undo", 1)
    assert other.suppressed() == set()


@pytest.mark.parametrize(
    ("failing", "of", "opened"),
    [
        (19, 100, False),
        (20, 100, True),
        (20, 400, False),
        (24, 400, True),
        (12, 45, True),
        (10, 45, True),
        (9, 20, False),
        (12, 60, False),
    ],
)
def test_how_many_make_a_burst(workspace: Workspace, failing: int, of: int, opened: bool) -> None:
    made = crowd(workspace, of)
    made.tell(slice(0, failing), unknown)
    made.watch()
    assert bool(made.incidents()) is opened
    assert (len(made.suppressed()) == failing) or opened


def test_failures_spread_over_time_are_none(workspace: Workspace) -> None:
    made = crowd(workspace, 60)
    for start in range(0, 60, 12):
        with clock.moved(timedelta(minutes=11 * start // 12)):
            made.tell(slice(start, start + 12), unknown)
            made.watch()
    assert made.incidents() == []
    assert len(made.suppressed()) == 60


def test_other_providers_and_reasons_go_on(workspace: Workspace) -> None:
    made, other = crowd(workspace, 60), crowd(workspace, 60, provider="yahoo", prefix="y")
    made.tell(slice(0, 40), unknown)
    assert made.incidents()
    before = len(made.suppressed())
    made.tell(slice(40, 41), lambda: bounce("hasmoved", "permanent"))
    other.tell(slice(0, 1), unknown)
    assert len(made.suppressed()) == before + 2


def test_it_ends_by_itself_and_still_asks(workspace: Workspace) -> None:
    made = crowd(workspace, 50)
    made.tell(ALL, unknown)
    made.watch()
    with clock.moved(timedelta(minutes=31)):
        made.watch()
        (incident,) = made.incidents()
        assert incident.ended_at is not None
        assert incident.decision == ""
        again = crowd(workspace, 5, prefix="later")
        again.tell(ALL, unknown)
        assert {again.hash_of(number) for number in range(5)} <= again.suppressed()
        decide(made, "believe")
    assert len(made.suppressed()) == 55


def test_nobody_keeps_it_open_for_longer_than_a_day(workspace: Workspace) -> None:
    made = crowd(workspace, 80)
    made.tell(slice(0, 30), unknown)
    for half_hours in range(1, 49):
        with clock.moved(timedelta(minutes=29 * half_hours)):
            made.tell(slice(29 + half_hours, 30 + half_hours), unknown)
            made.watch()
    with clock.moved(timedelta(hours=25)):
        made.watch()
        (incident,) = made.incidents()
        assert incident.ended_at is not None
        assert incident.decision == ""
        waiting = len(made.held())
        later = crowd(workspace, 3, prefix="later")
        later.tell(ALL, unknown)
        assert {later.hash_of(number) for number in range(3)} <= made.suppressed()
        assert len(made.held()) == waiting


def test_points_of_a_burst_go_with_it(workspace: Workspace) -> None:
    made = crowd(workspace, 50)
    made.tell(ALL, lambda: bounce("mailboxfull"))
    made.watch()
    assert (
        db.session.scalar(text("SELECT count(*) FROM bounce_points WHERE workspace_id = :w"), {"w": workspace.id}) == 50
    )
    decide(made, "discard")
    assert (
        db.session.scalar(text("SELECT count(*) FROM bounce_points WHERE workspace_id = :w"), {"w": workspace.id}) == 0
    )


def test_a_complaint_is_never_held(workspace: Workspace) -> None:
    made = crowd(workspace, 50)
    made.tell(slice(0, 40), unknown)
    made.tell(slice(40, 41), lambda: Fact("complaint", "c"))
    made.tell(slice(20, 21), lambda: Fact("complaint", "d"))
    decide(made, "discard")
    assert made.suppressed() == {made.hash_of(40), made.hash_of(20)}


@pytest.mark.parametrize(
    ("first", "second"), [("believe", "believe"), ("believe", "discard"), ("discard", "believe"), ("discard", "undo")]
)
def test_each_decision_is_made_once(workspace: Workspace, ada: User, first: str, second: str) -> None:
    made = crowd(workspace, 30)
    made.tell(ALL, unknown)
    made.watch()
    decide(made, first)
    before = made.suppressed()
    with pytest.raises(Conflict, match="already"):
        decide(made, second)
    db.session.rollback()
    assert made.suppressed() == before


def test_there_is_nothing_to_undo_before_or_elsewhere(workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    made.tell(ALL, unknown)
    made.watch()
    with pytest.raises(Conflict):
        decide(made, "undo")
    db.session.rollback()
    number = made.incidents()[0].id
    other = create_workspace("Other aviary")
    db.session.commit()
    with in_workspace(other.id), pytest.raises(NotFound):
        decisions.believe(number, None)
    db.session.rollback()


def test_suppressions_written_while_sending_are_taken_in_or_held(workspace: Workspace) -> None:
    """The statement of the send path, many messages at once."""
    made = crowd(workspace, 100)
    refuse_while_sending(made, slice(0, 50))
    assert len(made.suppressed()) == 50
    made.watch()
    assert len(made.held()) == 50
    refuse_while_sending(made, slice(50, 100))
    assert len(made.suppressed()) == 50
    assert len(made.held()) == 100
    decide(made, "discard")
    assert made.suppressed() == set()


def refuse_while_sending(made: Crowd, which: slice) -> None:
    ids = [message.id for message in made.messages[which]]
    db.session.execute(
        text(
            f"""
            WITH moved AS (
                UPDATE messages m SET state = 'bounced', reason = 'userunknown' WHERE id = ANY(:ids)
                RETURNING m.id, m.workspace_id, m.campaign_id, m.subscriber_id, m.address,
                          {provider_sql("m")} AS provider
            ), told AS (
                INSERT INTO events (id, at, workspace_id, message_id, campaign_id, subscriber_id, kind, data)
                SELECT gen_random_uuid(), now(), workspace_id, id, campaign_id, subscriber_id, 'bounced',
                       jsonb_build_object('reason', 'userunknown', 'code', 550)
                FROM moved
            ), dead AS (
                SELECT workspace_id, id AS message_id, address, provider, 'userunknown' AS reason,
                       '550 no' AS evidence, now() AS written_at FROM moved
            ), {SUPPRESS_OR_HOLD}
            """  # noqa: S608 - only constants of the house are put together
        ),
        {"ids": ids},
    )
    db.session.commit()
