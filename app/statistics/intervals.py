"""Intervals for rates and their differences."""

from dataclasses import dataclass
from math import log, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its limits. Rates are shares of 1."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def wilson(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> Interval:
    """The Wilson score interval of a rate (Wilson 1927). Of nothing nothing is known: 0 to 1."""
    if trials <= 0:
        return Interval(0.0, 0.0, 1.0)
    z = _z(confidence)
    p, n = successes / trials, trials
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = (middle - half) / scale if successes else 0.0
    high = (middle + half) / scale if successes < trials else 1.0
    return Interval(p, max(0.0, low), min(1.0, high))


def difference(x1: int, n1: int, x2: int, n2: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Rate 1 minus rate 2 with the limits of Newcombe (1998, method 10). For one planned look."""
    first, second = wilson(x1, n1, confidence=confidence), wilson(x2, n2, confidence=confidence)
    d = first.estimate - second.estimate
    low = d - sqrt((first.estimate - first.low) ** 2 + (second.high - second.estimate) ** 2)
    high = d + sqrt((first.high - first.estimate) ** 2 + (second.estimate - second.low) ** 2)
    return Interval(d, low, high)


SMALLEST_ARM = 200
"""Below this many per arm the sequence is not to be trusted, and nothing is claimed."""


def always_valid_difference(
    x1: int, n1: int, x2: int, n2: int, *, tightest_at: float = 10_000, alpha: float = 1 - CONFIDENCE
) -> Interval:
    """Rate 1 minus rate 2 with limits that hold at every look, however many.

    Asymptotic confidence sequence of Waudby-Smith et al. (Annals of Statistics, 2024). `tightest_at`: units per arm
    at which it should be tightest. Unequal arms enter by their harmonic mean. Fewer than `SMALLEST_ARM` in an arm: -1
    to 1.
    """
    if min(n1, n2) < SMALLEST_ARM:
        estimate = (x1 / n1 if n1 else 0.0) - (x2 / n2 if n2 else 0.0)
        return Interval(estimate, -1.0, 1.0)
    p1, p2 = x1 / n1, x2 / n2
    t = 2 / (1 / n1 + 1 / n2)
    spread = sqrt(t * (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2))
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tightest_at
    half = spread * sqrt(2 * (t * rho2 + 1) / (t * t * rho2) * log(sqrt(t * rho2 + 1) / alpha))
    return Interval(p1 - p2, p1 - p2 - half, p1 - p2 + half)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
