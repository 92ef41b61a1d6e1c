"""What is due: one process looks each second and enqueues it. The database says what is left to do, never the queue.

Of several copies one works, elected by an advisory lock on its own connection; the others stand by.
"""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from app.audience.imports.start import unfinished_imports
from app.campaigns import control
from app.campaigns.release import release_due, set_going
from app.core.database import db, every_workspace
from app.core.errors import Unavailable
from app.core.extensions import enqueue_job, settings
from app.core.jobs import Job
from app.core.logging import log
from app.core.settings import libpq_url
from app.messages.partitions import ensure_partitions
from app.sending import lanes
from app.sending.outgoing import queue_outgoing
from app.sending.pacing.domains import campaigns_to_learn, campaigns_to_look_again
from app.sending.warmup.rounds import look_after_warm_ups
from app.tracking import backlog
from app.tracking.mailboxes.poll import mailboxes_due
from app.tracking.replies.forwarding import queue_replies
from app.tracking.webhooks import intake as webhook_intake
from workers.runtime import job_context, worker_app

LOCK = 7_382_190_443


@dataclass
class Task:
    """Something to look at every `seconds`."""

    seconds: float
    look: Callable[[], object]
    due: float = field(default=0.0)


def release() -> None:
    """Scheduled campaigns whose time has come, and those whose hold is over."""
    released = release_due()
    db.session.commit()
    set_going(released)


def tend() -> None:
    """Campaigns with work left and nobody at it get their lanes; those with none left are finished."""
    lanes.tend()
    db.session.commit()
    control.settle_ledgers()
    db.session.commit()


def learn() -> None:
    """Campaigns some of whose messages have no known provider."""
    for campaign_id in campaigns_to_learn():
        enqueue_job(Job.LEARN_DOMAINS, campaign_id, once_as=f"learn-{campaign_id}")


def look_again() -> None:
    """Domains that DNS had no answer for."""
    for campaign_id in campaigns_to_look_again():
        enqueue_job(Job.LEARN_DOMAINS, campaign_id, once_as=f"learn-{campaign_id}")


def warm_up() -> None:
    """How the latest mail of new identities was received."""
    look_after_warm_ups()
    db.session.commit()


def recover() -> None:
    """Runs whose worker died."""
    enqueue_job(Job.RECOVER_RUNS, once_as="recover-runs")


def take_in() -> None:
    """Hits that wait in the stream, mail that waits in its table."""
    waiting = backlog.waiting()
    if waiting.hits:
        enqueue_job(Job.TAKE_IN_HITS, once_as="take-in-hits")
    if waiting.mails:
        enqueue_job(Job.TAKE_IN_MAIL, once_as="take-in-mail")
    if webhook_intake.is_anything_waiting():
        enqueue_job(Job.TAKE_IN_WEBHOOKS, once_as="take-in-webhooks")


def poll_mailboxes() -> None:
    """Mailboxes elsewhere whose time has come."""
    for mailbox_id in mailboxes_due():
        enqueue_job(Job.POLL_MAILBOX, mailbox_id, once_as=f"poll-{mailbox_id}")


def resume_imports() -> None:
    """Imports whose worker is gone, or whose job the queue lost."""
    waiting_imports = unfinished_imports()
    db.session.commit()
    for import_id in waiting_imports:
        enqueue_job(Job.RUN_IMPORT, import_id, once_as=f"import-{import_id}")


def house() -> None:
    """Partitions for the months ahead, old raw mail, old uploads, old reports of providers."""
    ensure_partitions()
    db.session.commit()
    webhook_intake.forget_old_events(settings().raw_mail_days)
    db.session.commit()
    enqueue_job(Job.KEEP_HOUSE, once_as="keep-house")


TASKS = (
    Task(1.0, release),
    Task(1.0, tend),
    Task(1.0, take_in),
    Task(2.0, learn),
    Task(60.0, look_again),
    Task(5.0, recover),
    Task(5.0, resume_imports),
    Task(10.0, queue_outgoing),
    Task(10.0, poll_mailboxes),
    Task(10.0, queue_replies),
    Task(60.0, lambda: enqueue_job(Job.CHECK_LEDGER, once_as="check-ledger")),
    Task(300.0, warm_up),
    Task(60.0, lambda: enqueue_job(Job.WATCH_INCIDENTS, once_as="watch-incidents")),
    Task(60.0, lambda: enqueue_job(Job.GUARD_COMPLAINTS, once_as="guard-complaints")),
    Task(300.0, lambda: enqueue_job(Job.COUNT_WATCH, once_as="count-watch")),
    Task(3600.0, lambda: enqueue_job(Job.WATCH_CHANGES, once_as="watch-changes")),
    Task(600.0, lambda: enqueue_job(Job.CHECK_DOMAINS, once_as="check-domains")),
    Task(600.0, lambda: enqueue_job(Job.CHECK_RECORDS, once_as="check-records")),
    Task(3600.0, house),
)


def run(*, every: float = 0.25) -> None:
    """Look until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    app = worker_app()
    with app.app_context():
        url = libpq_url(settings().database_url)
    while not stop.is_set():
        try:
            with psycopg.connect(url, autocommit=True) as election:
                _serve(election, stop, every)
        except psycopg.OperationalError:
            log("schedule").warning("the database does not answer; trying again")
            stop.wait(1.0)


def _serve(election: psycopg.Connection, stop: threading.Event, every: float) -> None:
    while not stop.is_set():
        row = election.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if row and row[0]:
            break
        stop.wait(1.0)
    log("schedule").info("at work")
    while not stop.is_set():
        election.execute("SELECT 1")  # still elected: the lock ends with this connection
        for task in TASKS:
            if time.monotonic() >= task.due:
                task.due = time.monotonic() + task.seconds
                _look(task)
        stop.wait(every)


def _look(task: Task) -> None:
    name = getattr(task.look, "__name__", "task")
    try:
        with job_context(), every_workspace():
            task.look()
    except (OperationalError, RedisError, Unavailable) as error:
        log("schedule").warning("a part does not answer", task=name, error=type(error).__name__)
    except Exception as error:  # noqa: BLE001 - one sick task must not stop the others; it is logged
        log("schedule").error("a task failed", task=name, exc_info=error)
