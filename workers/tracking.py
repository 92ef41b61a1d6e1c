"""Jobs of the tracking queue."""

from app.core.database import every_workspace
from app.tracking import intake, mail_intake
from app.tracking.views import spool
from workers.runtime import job_context


def take_in_hits() -> None:
    """Clicks and opens, from the stream into events."""
    with job_context() as app, every_workspace():
        waiting = spool()
        if waiting.has_leftovers():
            waiting.drain(app.extensions["merpati.queue"])
        intake.take_in_hits()


def take_in_mail() -> None:
    """Bounces, complaints and replies, from their table into events and suppressions."""
    with job_context():
        mail_intake.take_in_mail()
