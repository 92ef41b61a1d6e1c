"""What changed for the worse since the period before, beyond chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.deliverability.watch.figures import By, Counts, Line
from app.statistics.change import CONFIDENCE, LEAST_TRIALS, Change, compare_rates
from app.statistics.intervals import Interval, wilson
from app.statistics.ranks import LEAST, chance_of_above

Symptom = Literal["deferrals", "own", "refusals", "addresses", "others", "complaints", "unsubscribes", "clicks"]
SYMPTOMS: tuple[Symptom, ...] = (
    *("complaints", "refusals", "own", "clicks", "deferrals", "addresses", "others", "unsubscribes"),
)
"""The gravest first."""

COLLAPSE = 2.0
"""Clicks differ from one newsletter to the next; only a fall to a half of them or less speaks of the spam folder."""
LEAST_COUNT = 5
"""Fewer of a bad kind are not worth a warning, however rare they were before."""
SLOWER = 2.0
"""Times as long as before, that mail takes until it is accepted …"""
LEAST_WAIT = 60.0
"""… and seconds longer."""


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
class Wait:
    """Mean seconds until acceptance, and the same in the period before."""

    now: float
    before: float
    is_worse: bool
    is_judged: bool
    """Whether there were hours enough on both sides."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom of one line; without a share it is the time until acceptance."""

    line: Line
    symptom: Symptom | Literal["time"]
    share: Share | None
    wait: Wait


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


def wait(line: Line) -> Wait:
    """The time until acceptance beside its own past.

    Times are no coins, and one message that waits for a day moves a mean. So the means of the hours are compared by
    their ranks, and a difference that is beyond chance is pointed out where it matters.
    """
    now, before = line.now.mean_wait, line.before.mean_wait
    is_far = now >= SLOWER * before and now - before >= LEAST_WAIT
    is_chance = chance_of_above(line.waits, line.waits_before) > (1 - CONFIDENCE) / 2
    is_enough = min(line.now.sent, line.before.sent) >= LEAST_TRIALS
    is_judged = is_enough and min(len(line.waits), len(line.waits_before)) >= LEAST
    return Wait(now, before, is_judged and is_far and not is_chance, is_judged)


def findings(lines: Iterable[Line], by: By, *, days: int) -> list[Finding]:
    """What to point out, the gravest symptom first, then the largest line."""
    listed = [line for line in lines if min(one.tried + one.own for one in (line.now, line.before)) >= LEAST_TRIALS]
    judged = [(line, shares(line.now, line.before, days=days), wait(line)) for line in listed]
    found = []
    for symptom in SYMPTOMS:
        if symptom != "own" or by == "transport":
            found += [Finding(line, symptom, of[symptom], took) for line, of, took in judged if of[symptom].is_worse]
    return found + [Finding(line, "time", None, took) for line, _of, took in judged if took.is_worse]


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
        "own": (counts.own, counts.tried + counts.own),
        "addresses": (counts.address, counts.tried),
        "others": (counts.other, counts.tried),
        "complaints": (counts.complained, counts.heard),
        "unsubscribes": (counts.unsubscribed, counts.delivered),
        "clicks": (counts.clicked, counts.ripe),
    }[symptom]
