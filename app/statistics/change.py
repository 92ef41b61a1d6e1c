"""Whether a rate is no longer what it was: more than chance, and enough to matter."""

from dataclasses import dataclass
from math import comb
from typing import Literal

from app.statistics.intervals import Interval, difference

CONFIDENCE = 0.999
"""Of one comparison. A page makes up to some two hundred: one false alarm in five pages, not ten on each."""
LEAST_FACTOR = 1.5
"""Mail of one campaign fails or succeeds together, so small differences mean less than they would among coins."""
FEW_CASES = 200
"""On both sides together, up to which their split is judged exactly."""
LEAST_TRIALS = 100
"""On either side; with fewer, nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a rate. `interval`: the new rate minus the old one."""

    direction: Literal["up", "down", "same", "unknown"]
    interval: Interval

    @property
    def is_known(self) -> bool:
        return self.direction in ("up", "down")


def compare_rates(
    x: int, n: int, x_before: int, n_before: int, *, factor: float = LEAST_FACTOR, confidence: float = CONFIDENCE
) -> Change:
    """Compare x of n with x_before of n_before.

    A change needs three things: at least `LEAST_TRIALS` on either side; a difference beyond chance at `confidence`;
    and a rate at least `factor` times, or at most 1/`factor` of, the old one. Of many cases chance is judged by the
    interval of the difference (Newcombe 1998, method 10), which has to exclude zero; of few, where that is too wide
    beside a zero and too short elsewhere, by the exact chance of their split. Counts beyond their trials are taken as
    all of them.
    """
    x, x_before = min(x, n), min(x_before, n_before)
    if min(n, n_before) < LEAST_TRIALS:
        return Change("unknown", Interval(0.0, -1.0, 1.0))
    interval = difference(x, n, x_before, n_before, confidence=confidence)
    now, before = x / n, x_before / n_before
    is_few, chance = x + x_before <= FEW_CASES, (1 - confidence) / 2
    is_above = _chance(x, n, x_before, n_before) <= chance if is_few else interval.low > 0
    is_below = _chance(x_before, n_before, x, n) <= chance if is_few else interval.high < 0
    if is_above and now >= factor * before:
        return Change("up", interval)
    if is_below and now * factor <= before:
        return Change("down", interval)
    return Change("same", interval)


def _chance(x: int, n: int, x_other: int, n_other: int) -> float:
    """How likely so many of few cases fall on the first side if all are alike.

    Given the number of cases, each is on the first side with its share of the trials (Przyborowski & Wilenski 1940).
    """
    cases = x + x_other
    share = n / (n + n_other)
    return sum(comb(cases, k) * share**k * (1 - share) ** (cases - k) for k in range(x, cases + 1))
