"""Times as people of a workspace write and read them: in its zone, with the zone's name."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask_babel import format_datetime

from app.accounts.models import Workspace
from app.core.errors import Invalid


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


def write_local(moment: datetime, workspace: Workspace) -> str:
    """A moment for a `datetime-local` field."""
    return moment.astimezone(ZoneInfo(workspace.timezone)).strftime("%Y-%m-%dT%H:%M")


def local_time(moment: datetime | None, workspace: Workspace) -> str:
    """A moment for people, such as `Mar 15, 2027, 9:30 AM (Asia/Jakarta)`; nothing for None."""
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(workspace.timezone))
    return f"{format_datetime(local, 'medium', rebase=False)} ({workspace.timezone})"
