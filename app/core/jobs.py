"""The only door to RQ: jobs are named here by their dotted path, so that `app` never imports `workers`.

Only ids cross the queue (JSON). Enqueue after the commit: a worker may be faster than our transaction.
"""

from enum import Enum
from functools import lru_cache
from secrets import token_hex

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from app.core.errors import Unavailable


class Job(Enum):
    """Every job: its dotted name, its queue, and the seconds it may take."""

    SEND_CAMPAIGN = ("workers.sending.send_campaign", "sending", 3600)
    SEND_AT_ONCE = ("workers.sending.send_at_once", "priority", 3600)
    """The same for transactional campaigns, which overtake all others."""
    LAUNCH_CAMPAIGN = ("workers.campaigns.launch_campaign", "default", 3600)
    LAUNCH_AT_ONCE = ("workers.campaigns.launch_at_once", "priority", 3600)
    """The same for transactional campaigns."""
    SEND_SYSTEM_MAIL = ("workers.priority.send_system_mail", "priority", 300)
    RUN_IMPORT = ("workers.audience.run_import", "default", 4 * 3600)
    TAKE_IN_HITS = ("workers.tracking.take_in_hits", "tracking", 600)
    TAKE_IN_MAIL = ("workers.tracking.take_in_mail", "tracking", 600)
    POLL_MAILBOX = ("workers.tracking.poll_mailbox", "default", 600)
    TAKE_IN_WEBHOOKS = ("workers.tracking.take_in_webhooks", "tracking", 600)
    RECOVER_RUNS = ("workers.sending.recover_runs", "tracking", 600)
    CHECK_DOMAINS = ("workers.deliverability.check_domains", "default", 3600)
    CHECK_RECORDS = ("workers.deliverability.check_records", "default", 3600)
    CHECK_LEDGER = ("workers.campaigns.check_ledger", "default", 600)
    LEARN_DOMAINS = ("workers.tracking.learn_domains", "tracking", 1800)
    WATCH_INCIDENTS = ("workers.watch.watch_incidents", "default", 600)
    CARRY_OUT_DECISION = ("workers.incidents.carry_out_decision", "default", 3600)
    COUNT_WATCH = ("workers.watch.count_watch", "default", 1800)
    WATCH_CHANGES = ("workers.watch.watch_changes", "default", 3600)
    GUARD_COMPLAINTS = ("workers.watch.guard_complaints", "tracking", 600)
    KEEP_HOUSE = ("workers.housekeeping.keep_house", "default", 3600)

    @property
    def path(self) -> str:
        return self.value[0]

    @property
    def queue(self) -> str:
        return self.value[1]

    @property
    def timeout(self) -> int:
        return self.value[2]


QUEUES = ("priority", "tracking", "sending", "default")
"""In the order in which a worker looks at them; a worker of one kind may watch fewer."""
PRIORITY = QUEUES[0]
"""What waits here ends the slices of campaigns early."""
IN_TURN = ("sending", "default")
"""A worker takes from these by turns: sending has always more to do, and a launch or an import must not wait for it."""


@lru_cache
def connect_queue(url: str) -> Redis:
    """The connection to Redis or Valkey; a short outage is bridged by retries."""
    return Redis.from_url(
        url,
        socket_connect_timeout=2,
        socket_timeout=None,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        health_check_interval=30,
    )


def enqueue(connection: Redis, job: Job, *ids: int | str, once_as: str | None = None) -> bool:
    """Put a job on its queue. With `once_as`, nothing is added while one of that name still waits there; False then.

    A job of that name that a worker has begun does not count: it may be dead. So every job must be safe to run beside
    itself.
    """
    queue = Queue(job.queue, connection=connection, serializer=JSONSerializer)
    try:
        if once_as and any(waiting.startswith(once_as + "--") for waiting in queue.job_ids):
            return False
        queue.enqueue_call(
            job.path,
            args=ids,
            timeout=job.timeout,
            result_ttl=0,
            failure_ttl=24 * 3600,
            job_id=f"{once_as}--{token_hex(6)}" if once_as else None,
        )
    except RedisError as error:
        raise Unavailable(
            "The queue does not answer. What you did is saved and goes on when the queue is back."
        ) from error
    return True
