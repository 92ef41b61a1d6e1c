"""Jobs of the tracking queue."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from types import FrameType

from app.core.database import every_workspace
from app.deliverability.dmarc.intake import brings_report, read_incoming
from app.sending.pacing import domains
from app.tracking import intake, mail_intake
from app.tracking.mailboxes import poll
from app.tracking.views import spool
from app.tracking.webhooks import intake as webhook_intake
from workers.runtime import job_context

mail_intake.READERS.append(mail_intake.Reader(brings_report, read_incoming))


def take_in_hits() -> None:
    """Clicks and opens, from the stream into events."""
    with job_context() as app, every_workspace():
        waiting = spool()
        if waiting.has_leftovers():
            waiting.drain(app.extensions["merpati.queue"])
        intake.take_in_hits()


def take_in_mail() -> None:
    """Bounces, complaints and replies, from their table into events and suppressions."""
    with job_context(), told_to_stop() as told:
        mail_intake.take_in_mail(told.is_set)


def poll_mailbox(mailbox_id: int) -> None:
    """One visit to a mailbox elsewhere."""
    with job_context():
        poll.poll(mailbox_id)


def take_in_webhooks() -> None:
    """What providers reported, from its table into events and suppressions."""
    with job_context(), told_to_stop() as told:
        webhook_intake.take_in_events(told.is_set)


def learn_domains(campaign_id: int) -> None:
    """Find out which mailbox providers a campaign goes to."""
    with job_context(), every_workspace():
        domains.learn_domains(campaign_id)


@contextmanager
def told_to_stop() -> Iterator[Event]:
    """An event that the signals set by which the worker is told to stop, before it hears them itself.

    Where nobody has taken charge of a signal, it is left to do what it does.
    """
    told = Event()
    if current_thread() is not main_thread():
        yield told  # signals are heard in the main thread only
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def tell(number: int, frame: FrameType | None) -> None:
        told.set()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, tell)
    try:
        yield told
    finally:
        # The worker may have set others meanwhile: after the first signal, the second one kills.
        for number, handler in before.items():
            if signal.getsignal(number) is tell:
                signal.signal(number, handler)
