"""When each person is written to: at once, at a time of their own zone, spread over some hours, around quiet hours.

A campaign keeps its timing in `campaigns.timing`. The freeze turns it into stretches and gives every planned message
its moment (`messages.next_attempt_at`); from there on sending needs to know nothing of zones. Whatever makes campaigns
again and again (a recurring send) gives `launch` a Timing each time: the wall time is all that changes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.accounts.quiet import QuietHours
from app.core.errors import Invalid
from app.core.wallclock import moment_at, wall_at, zone_names

EARLIEST_ZONE = timedelta(hours=14)
"""Nowhere is it later in the day than at UTC+14."""
LATEST_ZONE = timedelta(hours=12)
"""Nowhere is it earlier in the day than at UTC-12."""
LEAD = timedelta(minutes=10)
"""So much before the first zone's time a campaign is launched: for the freeze, and the hold (10 minutes at most)."""
LATE = timedelta(minutes=15)
"""A time missed by more than this is not caught up on by itself: the moment may be wrong by now."""
SHORTEST, LONGEST = 5, 7 * 24 * 60
"""Minutes a send can be spread over."""
PASSED = ("next-day", "at-once")
ELSEWHERE = ""
"""Stands for everybody whose zone is unknown: they go by the workspace's."""


@dataclass(frozen=True, slots=True)
class Timing:
    """`local_at` is a wall time, met in each person's own zone; None: everybody together. `spread` is in minutes.

    `passed` says what becomes of those in whose zone it has passed: at that time of the next day, or at once.
    """

    local_at: datetime | None = None
    passed: str = "next-day"
    spread: int = 0

    def __post_init__(self) -> None:
        if self.local_at is not None and not 2000 <= self.local_at.year <= 2200:
            raise Invalid(f"The year {self.local_at.year} cannot be meant. Nothing was scheduled.", field="local_at")
        if self.passed not in PASSED:
            raise Invalid("`passed` is `next-day` or `at-once`. Nothing was scheduled.", field="passed")
        if self.spread and not SHORTEST <= self.spread <= LONGEST:
            raise Invalid(
                f"A send can be spread over {SHORTEST} minutes to 7 days ({LONGEST} minutes), or not at all (0). "
                "Nothing was scheduled.",
                field="spread",
            )

    @property
    def is_plain(self) -> bool:
        """All at once: no message has a time of its own."""
        return self.local_at is None and not self.spread

    @property
    def starts_at(self) -> datetime | None:
        """When the campaign must be launched so that no zone's time has passed; None: at any time."""
        return None if self.local_at is None else self.local_at.replace(tzinfo=UTC) - EARLIEST_ZONE - LEAD

    def stored(self) -> dict[str, Any]:
        """As it is kept in `campaigns.timing`."""
        kept: dict[str, Any] = {"spread": self.spread} if self.spread else {}
        if self.local_at is not None:
            kept |= {"local_at": self.local_at.isoformat(timespec="minutes"), "passed": self.passed}
        return kept


AT_ONCE = Timing()
"""Everybody as soon as may be."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """In this zone, those with a number from `low` to under `high` are written to evenly from `start` on."""

    zone: str
    low: float
    high: float
    start: datetime
    seconds: float

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)


def read_timing(stored: Mapping[str, Any]) -> Timing:
    """The timing that is kept in `campaigns.timing`."""
    at = stored.get("local_at")
    return Timing(
        local_at=datetime.fromisoformat(at) if at else None,
        passed=stored.get("passed", "next-day"),
        spread=stored.get("spread", 0),
    )


def stretches(
    timing: Timing, workspace_zone: str, quiet: QuietHours | None, *, launched: datetime, base: datetime
) -> list[Stretch]:
    """The whole send laid out. Nothing begins before `base`, the end of the hold; no moment lies in quiet hours.

    Whether a zone's time has passed is asked of `launched`, so that a slow freeze changes nobody's day. Quiet hours do
    not count as part of the window a send is spread over: it goes on after them at the same pace.
    """
    if timing.local_at is None:
        return list(_lay_out(ELSEWHERE, ZoneInfo(workspace_zone), base, timing.spread, quiet))
    found: list[Stretch] = []
    for name in (ELSEWHERE, *sorted(zone_names())):
        zone = ZoneInfo(name or workspace_zone)
        begin = _own_time(timing.local_at, zone, launched, waits=timing.passed == "next-day")
        found += _lay_out(name, zone, max(begin or base, base), timing.spread, quiet)
    return found


def has_passed_everywhere(timing: Timing, now: datetime) -> bool:
    """Whether no zone is left in which the time is still to come."""
    return timing.local_at is not None and timing.local_at.replace(tzinfo=UTC) + LATEST_ZONE <= now


def has_passed(timing: Timing, zone: str, now: datetime) -> bool:
    """Whether a launch now comes too late for the people of a zone."""
    return timing.local_at is not None and moment_at(timing.local_at, ZoneInfo(zone)) < now - LATE


def _own_time(local_at: datetime, zone: ZoneInfo, launched: datetime, *, waits: bool) -> datetime | None:
    """The moment of a zone; where it has passed that of a later day, or None when nobody waits for one."""
    moment = moment_at(local_at, zone)
    if moment >= launched - LATE:
        return moment
    if not waits:
        return None
    wall = datetime.combine(wall_at(launched - LATE, zone).date(), local_at.time())
    while (moment := moment_at(wall, zone)) < launched - LATE:
        wall += timedelta(days=1)
    return moment


def _lay_out(name: str, zone: ZoneInfo, at: datetime, minutes: int, quiet: QuietHours | None) -> Iterator[Stretch]:
    if quiet is not None:
        at = quiet.until(at, zone) or at
    if not minutes:
        yield Stretch(name, 0.0, 1.0, at, 0.0)
        return
    done, total = 0.0, minutes * 60.0
    while done < total:
        begin, end = (None, at) if quiet is None else quiet.span(at, zone)
        room = total - done if begin is None else min(total - done, (begin - at).total_seconds())
        if room > 0:
            yield Stretch(name, done / total, (done + room) / total, at, room)
        done, at = done + room, end
