"""How long the hourly counts are kept."""

from datetime import timedelta

from sqlalchemy import delete

from app.core import clock
from app.core.database import db, every_workspace
from app.deliverability.models import WatchHour

LEAST = timedelta(days=63)
"""The page looks back two periods of 28 days, and a week before them."""


def drop_old_hours(days: int) -> int:
    """Forget hours older than these days, of all workspaces; flushes. Returns the rows."""
    before = clock.now() - max(timedelta(days=days), LEAST)
    with every_workspace():
        done = db.session.execute(delete(WatchHour).where(WatchHour.hour < before))
    return done.rowcount  # type: ignore[attr-defined, no-any-return]
