"""When complaints are too many: one page of arithmetic, without a database."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from app.statistics.intervals import wilson

ENOUGH = 500
"""Delivered messages from which the plain rate decides."""
FEW = 3
"""Different people have to have complained before anything is paused; below `ENOUGH` also before anything is said, and
even the interval's lower end has to be beyond the line."""

Judgement = Literal["fine", "warn", "pause"]


@dataclass(frozen=True, slots=True)
class Lines:
    """Shares of delivered mail at which the guard warns and pauses."""

    warn: float
    pause: float


def judge(complaints: int, delivered: int, lines: Lines) -> Judgement:
    """What the guard does about so many complaints of so many delivered. On the line counts as beyond it."""
    if complaints >= FEW and _beyond(complaints, delivered, lines.pause):
        return "pause"
    return "warn" if _beyond(complaints, delivered, lines.warn) else "fine"


def _beyond(complaints: int, delivered: int, line: float) -> bool:
    if complaints <= 0 or delivered <= 0:
        return False
    if delivered >= ENOUGH:
        # As the number was typed: 0.003 of 1,000 is 3, whatever binary makes of it.
        return complaints >= Fraction(str(line)) * delivered
    return complaints >= FEW and wilson(min(complaints, delivered), delivered).low > line
