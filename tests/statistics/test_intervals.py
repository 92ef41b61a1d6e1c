"""Published and textbook figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.statistics.intervals import always_valid_difference, difference, wilson


def test_wilson_of_a_textbook_case():
    # Newcombe 1998, table I: 81 of 263.
    found = wilson(81, 263)
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


def test_newcombe_of_a_published_case():
    # Newcombe 1998, table II, method 10: 56/70 against 48/80.
    found = difference(56, 70, 48, 80)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_newcombe_on_a_large_shop():
    found = difference(3894, 21307, 2262, 21306)
    assert found.estimate == pytest.approx(0.076590, abs=1e-6)
    assert (found.low, found.high) == (pytest.approx(0.069953, abs=1e-6), pytest.approx(0.083227, abs=1e-6))


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2", "estimate", "half"),
    [
        (267, 21307, 122, 21306, 0.00681, 0.00282),
        (189, 21387, 122, 21306, 0.00311, 0.00252),
        (267, 21307, 189, 21387, 0.00369, 0.00305),
    ],
)
def test_the_always_valid_sequence_on_a_large_shop(x1, n1, x2, n2, estimate, half):
    found = always_valid_difference(x1, n1, x2, n2)
    assert found.estimate == pytest.approx(estimate, abs=6e-6)
    assert (found.high - found.low) / 2 == pytest.approx(half, abs=6e-6)


def test_small_arms_claim_nothing():
    found = always_valid_difference(50, 150, 1, 150)
    assert not found.excludes_zero


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_limits_hold_the_estimate(x, extra):
    n = x + extra
    found = wilson(x, n)
    assert 0 <= found.low <= found.high <= 1
    if n:
        assert found.low <= found.estimate + 1e-12
        assert found.estimate <= found.high + 1e-12


@given(st.integers(200, 5000), st.integers(200, 5000), st.floats(0, 1), st.floats(0, 1))
def test_the_price_of_watching_is_a_wider_interval(n1, n2, share1, share2):
    x1, x2 = int(n1 * share1), int(n2 * share2)
    watched, planned = always_valid_difference(x1, n1, x2, n2), difference(x1, n1, x2, n2)
    if 0 < x1 < n1 and 0 < x2 < n2 and min(x1, n1 - x1, x2, n2 - x2) >= 20:
        assert watched.high - watched.low > planned.high - planned.low
