"""What is not kept for ever."""

from datetime import timedelta

from sqlalchemy import delete

from app.core import clock
from app.core.database import db
from app.messages.models import IncomingMail


def forget_old_mail(days: int) -> int:
    """Delete handled raw mails older than `days`; what was made of them stays. Returns how many."""
    old = clock.now() - timedelta(days=days)
    result = db.session.execute(
        delete(IncomingMail).where(IncomingMail.received_at < old, IncomingMail.handled_at.is_not(None))
    )
    return int(getattr(result, "rowcount", 0))
