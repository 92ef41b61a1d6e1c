"""How a worker process lives: the application it works in, the queues it watches, how it ends."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType

from flask import Flask, current_app, has_app_context
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from app.core.database import db, leave_workspace
from app.core.jobs import IN_TURN, QUEUES, connect_queue
from app.core.logging import log
from app.core.memory import give_back_memory
from app.core.settings import Settings, load_settings
from app.factory import create_app
from app.sending.engine import await_answers, request_stop


@lru_cache(maxsize=1)
def worker_app(settings: Settings | None = None) -> Flask:
    """The application of this process, without pages."""
    return create_app(settings or load_settings(), web=False)


@contextmanager
def job_context() -> Iterator[Flask]:
    """The application context of a job. The job commits; what it did not commit is rolled back."""
    if has_app_context():
        yield current_app._get_current_object()  # type: ignore[attr-defined]
        return
    app = worker_app()
    with app.app_context():
        try:
            yield app
        finally:
            db.session.rollback()
            db.session.remove()
            leave_workspace()


class Worker(SimpleWorker):
    """Runs jobs in its own process: a job is thousands of messages, so nothing is won by a fork per job.

    A job that was begun by a dead worker is not waited for: every job here is safe to run beside itself, and the
    schedule looks into the database, not into RQ, for what is left to do.
    """

    def reorder_queues(self, reference_queue: Queue) -> None:
        """After a job, those of the other queue of its rank come first."""
        if reference_queue.name in IN_TURN:
            first = [queue for queue in self.queues if queue.name not in IN_TURN]
            turn = [queue for queue in self.queues if queue.name in IN_TURN and queue != reference_queue]
            self._ordered_queues = [*first, *turn, reference_queue]

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """First signal: the job under way ends its batch within seconds, then the worker ends."""
        request_stop()
        try:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        except RedisError:
            self._stop_requested = True


def work(queues: tuple[str, ...] = QUEUES, *, burst: bool = False) -> None:
    """Watch the queues until told to stop."""
    settings = load_settings()
    worker_app(settings)
    give_back_memory()
    connection = connect_queue(settings.redis_url)
    watched = [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues]
    name = f"{socket.gethostname()}-{os.getpid()}"
    worker = Worker(watched, name=name, connection=connection, serializer=JSONSerializer)
    log("worker").info("ready", queues=",".join(queues))
    worker.work(burst=burst, logging_level="WARNING")
    await_answers()
