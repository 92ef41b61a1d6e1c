"""How long reports are kept."""

from datetime import timedelta

from sqlalchemy import delete

from app.core import clock
from app.core.database import db, every_workspace
from app.deliverability.models import DmarcReport

KEPT = timedelta(days=400)
"""A year to compare with, and a month."""


def drop_old_reports() -> None:
    """Forget reports on days long past, of all workspaces, their rows with them; flushes."""
    with every_workspace():
        db.session.execute(delete(DmarcReport).where(DmarcReport.ends_at < clock.now() - KEPT))
