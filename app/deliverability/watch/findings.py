"""What changed for the worse since the period before, beyond chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.deliverability.watch.figures import Counts, Line
from app.statistics.change import LEAST_TRIALS, Change, compare_rates
from app.statistics.intervals import Interval, wilson

Symptom = Literal["deferrals", "refusals", "addresses", "complaints", "unsubscribes", "clicks"]
SYMPTOMS: tuple[Symptom, ...] = ("complaints", "refusals", "clicks", "deferrals", "addresses", "unsubscribes")
"""The gravest first."""

COLLAPSE = 2.0
"""Clicks differ from one newsletter to the next; only a fall to a half of them or less speaks of the spam folder."""
LEAST_COUNT = 5
"""Fewer of a bad kind are not worth a warning, however rare they were before."""


@dataclass(frozen=True, slots=True)
class Share:
    """A count, what it is of, the same in the period before, and what became of it."""

    symptom: Symptom
    count: int
    of: int
    count_before: int
    of_before: int
    change: Change

    @property
    def interval(self) -> Interval:
        return wilson(min(self.count, self.of), self.of)

    @property
    def before(self) -> Interval:
        return wilson(min(self.count_before, self.of_before), self.of_before)

    @property
    def is_worse(self) -> bool:
        """Whether it is to be pointed out."""
        if self.symptom == "clicks":
            return self.change.direction == "down"
        return self.change.direction == "up" and self.count >= LEAST_COUNT


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom of one line."""

    line: Line
    share: Share


def shares(now: Counts, before: Counts, *, days: int) -> dict[Symptom, Share]:
    """Every rate of a line beside its own past."""
    found = {symptom: _share(symptom, now, before) for symptom in SYMPTOMS}
    if days == 1:
        # Within a day the mail is too young for its clicks to be judged.
        clicks = found["clicks"]
        found["clicks"] = Share(
            "clicks", clicks.count, clicks.of, clicks.count_before, clicks.of_before, compare_rates(0, 0, 0, 0)
        )
    return found


def findings(lines: Iterable[Line], *, days: int) -> list[Finding]:
    """What to point out, the gravest symptom first, then the largest line."""
    listed = [line for line in lines if min(line.now.tried, line.before.tried) >= LEAST_TRIALS]
    judged = [(line, shares(line.now, line.before, days=days)) for line in listed]
    return [Finding(line, by[symptom]) for symptom in SYMPTOMS for line, by in judged if by[symptom].is_worse]


def _share(symptom: Symptom, now: Counts, before: Counts) -> Share:
    (count, of), (count_before, of_before) = _pair(symptom, now), _pair(symptom, before)
    factor = {"factor": COLLAPSE} if symptom == "clicks" else {}
    return Share(
        symptom, count, of, count_before, of_before, compare_rates(count, of, count_before, of_before, **factor)
    )


def _pair(symptom: Symptom, counts: Counts) -> tuple[int, int]:
    return {
        "deferrals": (counts.deferred, counts.tried),
        "refusals": (counts.sender, counts.tried),
        "addresses": (counts.address, counts.tried),
        "complaints": (counts.complained, counts.heard),
        "unsubscribes": (counts.unsubscribed, counts.delivered),
        "clicks": (counts.clicked, counts.ripe),
    }[symptom]
