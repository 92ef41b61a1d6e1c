"""Turns of campaigns that share the workers."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.core.extensions import settings
from app.core.settings import libpq_url
from app.sending.connections import connect
from app.sending.fairness import LONGEST_BY_USUAL, PATIENCE, SHORTEST, TURN, Hurry, next_turn, turn
from tests.sending import world

USUAL = 20.0


def turn_of(campaign_id: int) -> float:
    """Its next turn by the database, in seconds."""

    async def ask() -> float:
        connection = await connect(libpq_url(settings().database_url))
        try:
            return (await next_turn(connection, campaign_id, USUAL)).seconds
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_alone_it_has_the_usual_turn() -> None:
    assert turn(1, [(1, 1, 7, 3)], USUAL) == USUAL


def test_equals_have_equal_turns() -> None:
    assert {turn(number, [(1, 1, 1, 1), (2, 1, 1, 1), (3, 1, 1, 1)], USUAL) for number in (1, 2, 3)} == {USUAL}


def test_a_workspace_with_many_campaigns_has_no_larger_share() -> None:
    sending = [(number, 1, 1, 1) for number in range(1, 5)] + [(9, 2, 1, 1)]
    assert sum(turn(number, sending, USUAL) for number in range(1, 5)) == turn(9, sending, USUAL)


def test_weights_divide_the_time() -> None:
    sending = [(1, 1, 3, 1), (2, 1, 1, 1)]
    assert turn(1, sending, USUAL) == 3 * turn(2, sending, USUAL)


def test_a_campaign_that_has_just_stopped_ends_its_slice_as_usual() -> None:
    assert turn(5, [(1, 1, 1, 1)], USUAL) == USUAL


@given(
    st.dictionaries(
        st.integers(1, 50), st.tuples(st.integers(1, 5), st.integers(0, 10), st.integers(0, 10)), min_size=1
    )
)
def test_no_turn_is_too_short_to_work_in_or_long_enough_to_starve(found: dict[int, tuple[int, int, int]]) -> None:
    sending = [(campaign, *of) for campaign, of in found.items()]
    for campaign in found:
        assert SHORTEST <= turn(campaign, sending, USUAL) <= USUAL * LONGEST_BY_USUAL


def test_a_slice_makes_room_for_what_waits_and_not_for_what_passes() -> None:
    hurry = Hurry()
    assert not hurry.look(10.0, waits=True)
    assert not hurry.look(10.0 + PATIENCE / 2, waits=False)
    assert not hurry.look(10.0 + PATIENCE, waits=True)
    assert hurry.look(10.0 + 2 * PATIENCE, waits=True)


@pytest.mark.parametrize(
    "why",
    [
        "UPDATE messages SET next_attempt_at = now() + interval '1 hour' WHERE campaign_id = :c",
        "UPDATE messages SET state = 'sent' WHERE campaign_id = :c",
        "UPDATE campaigns SET waiting_for = 'The transport has carried what its limits allow.' WHERE id = :c",
        "UPDATE workspaces SET quiet_from = '00:00', quiet_to = '24:00' WHERE id = "
        "(SELECT workspace_id FROM campaigns WHERE id = :c)",
    ],
)
def test_a_campaign_that_cannot_send_now_takes_nobody_s_share(workspace: Workspace, why: str) -> None:
    world.change("UPDATE campaigns SET state = 'finished' WHERE state = 'sending'")
    campaign, heavy = world.plan_campaign(workspace, 3), world.plan_campaign(workspace, 3)
    world.change("UPDATE campaigns SET weight = 3 WHERE id = :c", c=heavy)
    assert turn_of(campaign) == USUAL / 2
    world.change(why, c=heavy)
    assert turn_of(campaign) == USUAL


def test_one_that_only_waits_for_a_worker_counts(workspace: Workspace) -> None:
    world.change("UPDATE campaigns SET state = 'finished' WHERE state = 'sending'")
    campaign, heavy = world.plan_campaign(workspace, 3), world.plan_campaign(workspace, 3)
    world.change("UPDATE campaigns SET weight = 3, waiting_for = :words WHERE id = :c", c=heavy, words=TURN)
    assert turn_of(campaign) == USUAL / 2
