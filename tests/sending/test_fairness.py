"""Turns of campaigns that share the workers."""

from hypothesis import given
from hypothesis import strategies as st

from app.sending.fairness import LONGEST_BY_USUAL, PATIENCE, SHORTEST, Hurry, turn

USUAL = 20.0


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
