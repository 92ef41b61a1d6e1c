"""What a clock on the wall says, as a moment: every wall time has one, also where clocks are changed."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


@cache
def zone_names() -> frozenset[str]:
    """The names of all zones there are (IANA)."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def moment_at(wall: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The moment, in UTC, at which clocks in `zone` show `wall` (without a zone).

    A time that comes twice is its first coming, or with `last` its second; one that is skipped is the first moment
    after the gap.
    """
    moment = wall.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # In a gap, fold 1 counts with the offset after it (too early), fold 0 with the one before (too late).
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    return _change_between(early, late, zone)


def wall_at(moment: datetime, zone: ZoneInfo) -> datetime:
    """What clocks in `zone` show at a moment, without the zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the clocks are changed, somewhere in (early, late]."""
    before = early.astimezone(zone).utcoffset()
    low, high = 0, int((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return (early + timedelta(seconds=high)).replace(microsecond=0)
