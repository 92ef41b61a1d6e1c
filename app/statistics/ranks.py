"""Whether one set of measurements lies above another, by their ranks alone: one that is far out counts no more."""

from collections.abc import Sequence
from itertools import groupby
from math import sqrt
from statistics import NormalDist

LEAST = 8
"""Measurements on either side, below which the approximation is too rough for small chances."""


def chance_of_above(now: Sequence[float], before: Sequence[float]) -> float:
    """How likely `now` lies so far above `before` if both are alike; 1 where there are too few of either.

    Mann and Whitney (1947), with the normal approximation, corrected for ties and continuity.
    """
    n, m = len(now), len(before)
    if min(n, m) < LEAST:
        return 1.0
    marked = sorted([(value, True) for value in now] + [(value, False) for value in before])
    ranks, ties, passed = 0.0, 0, 0
    for _, group in groupby(marked, key=lambda one: one[0]):
        alike = [is_now for _, is_now in group]
        ranks += sum(alike) * (passed + (len(alike) + 1) / 2)
        passed += len(alike)
        ties += len(alike) ** 3 - len(alike)
    all_of_it = n + m
    variance = n * m / 12 * (all_of_it + 1 - ties / (all_of_it * (all_of_it - 1)))
    if variance <= 0:
        return 1.0
    wins = ranks - n * (n + 1) / 2
    return 1 - NormalDist().cdf((wins - n * m / 2 - 0.5) / sqrt(variance))
