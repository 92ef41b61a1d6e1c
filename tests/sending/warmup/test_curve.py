"""The arithmetic of a warm-up."""

from hypothesis import given
from hypothesis import strategies as st

from app.sending.warmup.curve import SPREAD_HOURS, Day, Plan, allowed_by, days_to_full, hold_reason, is_warm, next_cap

PLAN = Plan(first=200, growth=1.4, full=100_000)
plans = st.builds(
    lambda first, growth, more: Plan(first, growth, first + more),
    st.integers(10, 10_000),
    st.floats(1.05, 2.0),
    st.integers(1, 1_000_000),
)
days = st.builds(
    lambda cap, share, deferred, bounced, complained: Day(
        cap, int(cap * share), int(cap * share * deferred), int(cap * share * bounced), int(cap * share * complained)
    ),
    st.integers(10, 1_000_000),
    st.floats(0, 1.2),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 0.1),
)


def test_a_day_that_was_used_up_and_went_well_earns_two_fifths_more() -> None:
    assert next_cap(PLAN, Day(1000, 1000)) == 1400


def test_a_day_that_was_not_used_earns_nothing_and_costs_nothing() -> None:
    assert next_cap(PLAN, Day(1000, 0)) == 1000
    assert next_cap(PLAN, Day(1000, 500)) == 1000


def test_each_of_the_three_signs_holds_the_allowance() -> None:
    for bad in (Day(1000, 1000, deferred=51), Day(1000, 1000, bounced=21), Day(1000, 1000, complained=2)):
        assert hold_reason(bad)
        assert next_cap(PLAN, bad) == 1000
    assert not hold_reason(Day(1000, 1000, deferred=50, bounced=20, complained=1))


def test_a_handful_of_messages_says_nothing() -> None:
    assert not hold_reason(Day(200, 49, deferred=40, bounced=9, complained=5))


def test_a_month_of_silence_begins_anew() -> None:
    assert next_cap(PLAN, Day(50_000, 50_000), days_since=31) == 200
    assert next_cap(PLAN, Day(50_000, 50_000), days_since=30) == 70_000


@given(plans, days, st.integers(1, 60))
def test_an_allowance_stays_between_the_first_day_and_the_end(plan: Plan, day: Day, since: int) -> None:
    cap = next_cap(plan, day, since)
    assert plan.first <= cap <= plan.full


@given(plans, days)
def test_it_never_grows_faster_than_told_nor_after_a_bad_day(plan: Plan, day: Day) -> None:
    cap = next_cap(plan, day)
    assert cap <= max(plan.first, day.cap * plan.growth + 1)
    if hold_reason(day):
        assert cap <= max(plan.first, day.cap)


@given(plans)
def test_with_good_days_it_ends_warm(plan: Plan) -> None:
    cap = plan.first
    for _ in range(days_to_full(plan)):
        cap = next_cap(plan, Day(cap, cap))
    assert is_warm(plan, cap)


@given(st.integers(0, 10**7), st.floats(-10, 10**6), st.floats(0, 10**6))
def test_a_day_is_spread_and_never_exceeded(cap: int, seconds: float, more: float) -> None:
    now, later = allowed_by(cap, seconds), allowed_by(cap, seconds + more)
    assert 0 <= now <= later <= cap
    assert allowed_by(cap, SPREAD_HOURS * 3600) == cap
    assert allowed_by(cap, 0) <= cap / SPREAD_HOURS + 1
