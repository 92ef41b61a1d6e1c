"""When complaints are too many: one page of arithmetic, without a database."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from app.statistics.intervals import wilson

ENOUGH = 1000
"""Delivered messages from which the plain rate decides: 0.30 % of them are three people."""
FEW = 3
"""Different people have to have complained before anything is paused …"""
FEW_OF_LITTLE = 5
"""… or so many while fewer than `ENOUGH` are delivered, and the lower end of the interval has to be beyond the line."""

FEW_PEOPLE = 100
"""Delivered messages below which a group is of few people: one person may have signed up all of them."""
SIZEABLE = 0.05
"""Share of a campaign's delivered mail from which one group may pause all of it; or `ENOUGH` messages."""

Judgement = Literal["fine", "warn", "pause"]


@dataclass(frozen=True, slots=True)
class Lines:
    """Shares of delivered mail at which the guard warns and pauses."""

    warn: float
    pause: float


def judge(complaints: int, delivered: int, lines: Lines, *, is_part: bool = False) -> Judgement:
    """What the guard does about so many complaints of so many delivered. On the line counts as beyond it.

    `is_part`: one provider among several. Of a campaign whole, one complaint in a small list is said; of each small
    provider it would be noise.
    """
    if complaints <= 0 or delivered <= 0:
        return "fine"
    if delivered < ENOUGH:
        low = wilson(min(complaints, delivered), delivered).low
        if complaints >= FEW_OF_LITTLE and low > lines.pause:
            return "pause"
        is_said = complaints >= FEW and low > lines.warn if is_part else _is_beyond(complaints, delivered, lines.warn)
        return "warn" if is_said else "fine"
    if complaints >= FEW and _is_beyond(complaints, delivered, lines.pause):
        return "pause"
    return "warn" if _is_beyond(complaints, delivered, lines.warn) else "fine"


def is_sizeable(delivered: int, of_all: int) -> bool:
    """Whether a group is part enough of a campaign that its people alone may pause all of it."""
    return delivered >= ENOUGH or _is_beyond(delivered, of_all, SIZEABLE)


def _is_beyond(complaints: int, delivered: int, line: float) -> bool:
    # As the number was typed: 0.003 of 1,000 is 3, whatever binary makes of it.
    return complaints >= Fraction(str(line)) * delivered
