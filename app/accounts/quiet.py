"""Quiet hours: the part of the day in which a workspace writes no marketing mail to anybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from app.core.wallclock import moment_at, wall_at

LEAST_AWAKE = timedelta(hours=4)
"""Of every day this much must be left to send in."""

QUIET_SQL = """coalesce(c.stream <> 'transactional' AND NOT c.timing ? 'local_at' AND CASE
    WHEN w.quiet_from < w.quiet_to
    THEN (now() AT TIME ZONE w.timezone)::time >= nullif(w.quiet_from, '')::time
         AND (now() AT TIME ZONE w.timezone)::time < nullif(w.quiet_to, '')::time
    ELSE (now() AT TIME ZONE w.timezone)::time >= nullif(w.quiet_from, '')::time
         OR (now() AT TIME ZONE w.timezone)::time < nullif(w.quiet_to, '')::time END, false)"""
"""Whether campaign `c` of workspace `w` is held by quiet hours now. One that goes by each person's own zone is not:
its messages are planned around the quiet hours there, and `campaigns/morning.py` puts off those that come late."""


class Quietened(Protocol):
    """A workspace, or a row with these columns of one."""

    quiet_from: Any
    quiet_to: Any
    timezone: Any


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day to another, in local time; past midnight when the first is the later one."""

    begin: time
    end: time

    @property
    def leave_enough(self) -> bool:
        """Whether they are hours at all, and leave `LEAST_AWAKE` of the day."""
        day = datetime(2000, 1, 1)  # noqa: DTZ001 - only a length is asked for
        quiet = (datetime.combine(day, self.end) - datetime.combine(day, self.begin)) % timedelta(days=1)
        return timedelta() < quiet <= timedelta(days=1) - LEAST_AWAKE

    def until(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours that `moment` lies in end; None outside of them."""
        begin, end = self.span(moment, zone)
        return end if begin <= moment else None

    def span(self, moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Begin and end of the quiet hours that `moment` lies in, else of the next."""
        day = wall_at(moment, zone).date() - timedelta(days=1)
        while True:
            last = day if self.begin < self.end else day + timedelta(days=1)
            # Where clocks are put back, the longer night counts: nobody is written to within either.
            begin = moment_at(datetime.combine(day, self.begin), zone)
            end = moment_at(datetime.combine(last, self.end), zone, last=True)
            if begin < end and moment < end:
                return begin, end
            day += timedelta(days=1)


def quiet_hours(workspace: Quietened) -> QuietHours | None:
    """The quiet hours of a workspace; None when it has none."""
    if not workspace.quiet_from or not workspace.quiet_to or workspace.quiet_from == workspace.quiet_to:
        return None
    return QuietHours(time.fromisoformat(workspace.quiet_from), time.fromisoformat(workspace.quiet_to))


def quiet_until(workspace: Quietened, stream: str, timing: Mapping[str, Any], now: datetime) -> datetime | None:
    """Until when quiet hours hold a campaign of this stream and timing; None when it may send. See `QUIET_SQL`."""
    hours = quiet_hours(workspace)
    if hours is None or stream == "transactional" or "local_at" in timing:
        return None
    return hours.until(now, ZoneInfo(workspace.timezone))


def quiet_words(workspace: Quietened, until: datetime) -> str:
    """What the page of a campaign says meanwhile: `Quiet hours until 08:00 (Asia/Jakarta)`."""
    return f"Quiet hours until {wall_at(until, ZoneInfo(workspace.timezone)):%H:%M} ({workspace.timezone})"
