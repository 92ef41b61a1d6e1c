"""Jobs of the tracking queue."""

from app.core.database import every_workspace
from app.deliverability.dmarc.intake import read_incoming
from app.sending.pacing import domains
from app.tracking import intake, mail_intake
from app.tracking.mailboxes import poll
from app.tracking.views import spool
from app.tracking.webhooks import intake as webhook_intake
from workers.runtime import job_context

mail_intake.READERS.append(read_incoming)


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


def poll_mailbox(mailbox_id: int) -> None:
    """One visit to a mailbox elsewhere."""
    with job_context():
        poll.poll(mailbox_id)


def take_in_webhooks() -> None:
    """What providers reported, from its table into events and suppressions."""
    with job_context():
        webhook_intake.take_in_events()


def learn_domains(campaign_id: int) -> None:
    """Find out which mailbox providers a campaign goes to."""
    with job_context(), every_workspace():
        domains.learn_domains(campaign_id)
