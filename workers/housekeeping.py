"""Jobs that keep the house in order."""

from app.core.database import db, every_workspace
from app.core.extensions import settings
from app.deliverability.dmarc.keeping import drop_old_reports
from app.deliverability.watch.keeping import drop_old_hours
from app.messages.housekeeping import forget_old_mail
from workers.runtime import job_context


def keep_house() -> None:
    """Raw mail, reports and counts past their time."""
    with job_context(), every_workspace():
        forget_old_mail(settings().raw_mail_days)
        drop_old_reports()
        drop_old_hours(settings().watch_days)
        db.session.commit()
