"""Times as people of a workspace write and read them: in its zone with the zone's name, or in each person's own."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel.units import format_unit
from flask_babel import format_datetime, get_locale
from flask_babel import gettext as _

from app.accounts.models import Workspace
from app.campaigns.timing import Timing
from app.core.errors import Invalid

TO_THE_MINUTE = "d MMM y, HH:mm"


def read_local(text: str, workspace: Workspace) -> datetime:
    """A `datetime-local` field as a moment in UTC. Raises Invalid for no time, or one that the clocks skip."""
    zone = ZoneInfo(workspace.timezone)
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("Write the date and time as in 2027-03-15T09:30.", field="at") from None
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall:
        raise Invalid(
            f"The clocks in {workspace.timezone} skip {wall:%H:%M} on that day. Choose another time.", field="at"
        )
    return moment


def read_wall(text: str, *, field: str = "at") -> datetime:
    """A time on everybody's own wall, to the minute and without a zone. Raises Invalid."""
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("Write the date and time as in 2027-03-15T09:30.", field=field) from None
    if wall.tzinfo is not None:
        raise Invalid("A time in each person's own zone has no zone itself: write it as 2027-03-15T09:30.", field=field)
    return wall.replace(second=0, microsecond=0)


def write_local(moment: datetime, workspace: Workspace) -> str:
    """A moment for a `datetime-local` field."""
    return moment.astimezone(ZoneInfo(workspace.timezone)).strftime("%Y-%m-%dT%H:%M")


def local_time(moment: datetime | None, workspace: Workspace) -> str:
    """A moment for people, such as `15 Mar 2027, 09:30 (Asia/Jakarta)`; nothing for None."""
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(workspace.timezone))
    return f"{format_datetime(local, TO_THE_MINUTE, rebase=False)} ({workspace.timezone})"


def plan_words(timing: Timing, until: datetime | None, workspace: Workspace) -> str:
    """How a send is laid out, such as `from 15 Mar 2027, 09:00 in each person's own zone, until …`; or nothing."""
    if timing.local_at is None:
        said = _("spread over %(span)s", span=span_words(timing.spread)) if timing.spread else ""
    else:
        wall = format_datetime(timing.local_at, TO_THE_MINUTE, rebase=False)
        said = _("from %(time)s in each person's own zone", time=wall)
        if timing.spread:
            said = _("%(said)s, spread over %(span)s", said=said, span=span_words(timing.spread))
    if said and until is not None:
        last = format_datetime(until.astimezone(ZoneInfo(workspace.timezone)), TO_THE_MINUTE, rebase=False)
        said = _("%(said)s, until %(when)s (%(zone)s)", said=said, when=last, zone=workspace.timezone)
    return str(said)


def span_words(minutes: int) -> str:
    """A length of time for people: `30 minutes`, `2 hours`, `7 days`."""
    for unit, size in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes % size == 0 and (minutes >= 2 * size or size == 1 or unit == "hour"):
            break
    return format_unit(minutes // size, f"duration-{unit}", locale=get_locale())
