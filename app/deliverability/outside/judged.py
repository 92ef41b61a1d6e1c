"""What a provider's figures mean: good, worth a look, or bad, with advice, and how they went day by day.

The lines are the providers' own: Google asks for less than 0.1 % reported as spam and acts at 0.3 % (its sender
guidelines) and calls reputations high, medium, low and bad; SNDS is yellow from 10 % of mail filtered, red from 90 %.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Literal

from app.deliverability.models import OutsideFigure
from app.deliverability.outside.columns import BY_NAME, SHARES, key
from app.deliverability.outside.values import read_shares

State = Literal["", "good", "warn", "bad"]

_RANKS: dict[State, int] = {"": 0, "good": 1, "warn": 2, "bad": 3}
_WORDS: dict[str, State] = {
    "high": "good",
    "medium": "warn",
    "low": "bad",
    "bad": "bad",
    "green": "good",
    "yellow": "warn",
    "red": "bad",
}
_AT_MOST = {"spam_rate": (0.001, 0.003), "complaint_rate": (0.001, 0.003), "errors": (0.05, 0.10)}
"""From the first share on worth a look, from the second on bad."""
_AT_LEAST = {"spf": (0.95, 0.80), "dkim": (0.95, 0.80), "dmarc": (0.95, 0.80), "encrypted": (0.95, 0.50)}
MAIN = (
    *("spam_rate", "complaint_rate", "result", "domain_reputation", "ip_reputation", "traps"),
    *("spf", "dkim", "dmarc", "encrypted", "errors"),
)
"""What is judged, in the order of the page."""
_LEVELS = {"bad": 0, "low": 1, "medium": 2, "high": 3, "red": 1, "yellow": 2, "green": 3}
_DRAWN = 30
"""Days in a small plot."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure of the latest day that has it. `course`: oldest first, None for days without it."""

    name: str
    value: Any
    state: State
    day: date
    course: tuple[float | None, ...] = ()

    @property
    def limit(self) -> float | None:
        """The share from which it is bad, where more is worse."""
        return _AT_MOST[self.name][1] if self.name in _AT_MOST else None

    @property
    def peak(self) -> float:
        """The top of its plot: shares of what should be all end at all, reputations at the best."""
        top = max((value for value in self.course if value is not None), default=1.0)
        if self.name in _AT_LEAST:
            return 1.05
        if self.name in ("result", "domain_reputation", "ip_reputation"):
            return 3.3
        return max(top, self.limit or 0) * 1.1 or 1.0

    @property
    def is_drawn(self) -> bool:
        return sum(value is not None for value in self.course) > 2


@dataclass(frozen=True, slots=True)
class Standing:
    """One domain or machine in the eyes of a provider. `days` are all that is known, the latest first."""

    source: str
    subject: str
    days: tuple[OutsideFigure, ...]
    figures: tuple[Judged, ...]

    @property
    def state(self) -> State:
        return max((each.state for each in self.figures), key=_RANKS.__getitem__, default="")

    @property
    def to_mend(self) -> tuple[Judged, ...]:
        """The worst first."""
        wrong = [each for each in self.figures if each.state in ("warn", "bad")]
        return tuple(sorted(wrong, key=lambda each: -_RANKS[each.state]))


def standings(rows: Iterable[OutsideFigure]) -> list[Standing]:
    """Each subject's standing, the worst first. Rows with the latest day first."""
    by_subject = sorted(rows, key=lambda row: (row.source, row.subject))  # stable: the days keep their order
    found = [
        _standing(source, subject, tuple(days))
        for (source, subject), days in groupby(by_subject, key=lambda row: (row.source, row.subject))
    ]
    return sorted(found, key=lambda one: -_RANKS[one.state])


def judge(name: str, value: Any) -> State:
    """What a figure says of us; empty where that is not known."""
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), "") if name.endswith("reputation") or name == "result" else ""
    number = number_of(value)
    if number is None:
        return ""
    if name == "traps":
        return "bad" if number else "good"
    if name in _AT_MOST:
        look, bad = _AT_MOST[name]
        is_below = isinstance(value, Mapping) and "below" in value
        return "good" if number < look or (is_below and number <= look) else "warn" if number < bad else "bad"
    if name in _AT_LEAST:
        look, bad = _AT_LEAST[name]
        return "good" if number >= look else "warn" if number >= bad else "bad"
    return ""


def figures_of(row: OutsideFigure) -> dict[str, Any]:
    """A day's figures under the names known now; files that were brought before a name was known are there as well."""
    told: dict[str, Any] = {}
    for name, value in row.figures.items():
        known = BY_NAME.get(key(name), name) if name not in BY_NAME.values() else name
        share = read_shares(value) if known in SHARES and isinstance(value, str) else None
        told[known] = value if share is None else share
    return told


def number_of(value: Any) -> float | None:
    """A figure as a number; of bounds the one that is told, of a span the worse end."""
    if isinstance(value, Mapping):
        value = value.get("to", value.get("above", value.get("below")))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _standing(source: str, subject: str, days: tuple[OutsideFigure, ...]) -> Standing:
    told = [(row.day, figures_of(row)) for row in days]
    figures = [_judged(name, told) for name in MAIN if any(name in figures for _day, figures in told)]
    return Standing(source, subject, days, tuple(figures))


def _judged(name: str, told: Sequence[tuple[date, Mapping[str, Any]]]) -> Judged:
    day, value = next((day, figures[name]) for day, figures in told if name in figures)
    course = tuple(_height(figures.get(name)) for _day, figures in reversed(told[:_DRAWN]))
    return Judged(name, value, judge(name, value), day, course)


def _height(value: Any) -> float | None:
    return float(_LEVELS[value.lower()]) if isinstance(value, str) and value.lower() in _LEVELS else number_of(value)
