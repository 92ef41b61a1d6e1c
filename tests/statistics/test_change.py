"""A change is claimed when there is one, and hardly ever when there is none."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.statistics.change import compare_rates

trials = st.integers(0, 100_000)


@given(trials, trials, trials, trials)
def test_it_has_an_answer_for_any_counts_and_turns_with_its_sides(x: int, n: int, x2: int, n2: int) -> None:
    turned = {"up": "down", "down": "up", "same": "same", "unknown": "unknown"}
    assert compare_rates(x2, n2, x, n).direction == turned[compare_rates(x, n, x2, n2).direction]


@given(st.integers(0, 99), st.integers(0, 1000), st.integers(0, 1000))
def test_of_few_nothing_is_claimed(n: int, x: int, n2: int) -> None:
    assert compare_rates(x, n, 0, n2).direction == "unknown"


@pytest.mark.parametrize(
    ("rate", "n", "n2"), [(0.3, 400, 4000), (0.02, 2000, 2000), (0.001, 20_000, 5000), (0.001, 300, 9000)]
)
def test_there_are_hardly_any_false_alarms(rate: float, n: int, n2: int) -> None:
    random = Random(7)
    alarms = sum(compare_rates(_draw(random, n, rate), n, _draw(random, n2, rate), n2).is_known for _ in range(400))
    assert alarms <= 2


@pytest.mark.parametrize(
    ("now", "before", "direction"),
    [
        ((60, 1000), (20, 1000), "up"),
        ((20, 1000), (60, 1000), "down"),
        ((30, 1000), (25, 1000), "same"),
        ((13_000, 100_000), (10_000, 100_000), "same"),  # beyond chance, and less than half as much again
        ((0, 5000), (100, 5000), "down"),
        ((17, 750), (0, 490), "up"),  # a chance of 0.02 %, though the interval beside a zero is wide
        ((7, 750), (0, 490), "same"),  # of 3 %
    ],
)
def test_what_matters_is_seen(now: tuple[int, int], before: tuple[int, int], direction: str) -> None:
    assert compare_rates(*now, *before).direction == direction


def _draw(random: Random, n: int, rate: float) -> int:
    return sum(random.random() < rate for _ in range(n))
