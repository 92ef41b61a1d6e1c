"""The door to the queue, on a real one."""

import json
import secrets
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.core.errors import Unavailable
from app.core.extensions import enqueue_job
from app.core.extensions import queue as queue_of_app
from app.core.jobs import QUEUES, Job, connect_queue, enqueue
from app.core.settings import Settings


@pytest.fixture
def connection(settings: Settings) -> Iterator[Redis]:
    """The queue, with nothing waiting."""
    connection = connect_queue(settings.redis_url)
    _empty(connection)
    yield connection
    _empty(connection)


def test_a_job_waits_with_its_path_ids_and_time(connection: Redis) -> None:
    assert enqueue(connection, Job.SEND_CAMPAIGN, 7, "lane-1") is True
    (job,) = _queue(connection, Job.SEND_CAMPAIGN).jobs
    assert job.func_name == Job.SEND_CAMPAIGN.path == "workers.sending.send_campaign"
    assert tuple(job.args) == (7, "lane-1")
    assert job.timeout == Job.SEND_CAMPAIGN.timeout


def test_only_plain_values_cross_the_queue(connection: Redis) -> None:
    enqueue(connection, Job.RUN_IMPORT, 7)
    (job,) = _queue(connection, Job.RUN_IMPORT).jobs
    assert json.loads(job.serializer.dumps(job.args)) == [7]
    with pytest.raises(TypeError):
        enqueue(connection, Job.RUN_IMPORT, object())  # type: ignore[arg-type]


def test_once_as_adds_nothing_while_one_waits(connection: Redis) -> None:
    name = f"look-{secrets.token_hex(4)}"
    assert enqueue(connection, Job.TAKE_IN_HITS, once_as=name) is True
    assert enqueue(connection, Job.TAKE_IN_HITS, once_as=name) is False
    assert len(_queue(connection, Job.TAKE_IN_HITS).job_ids) == 1


def test_once_as_knows_names_apart(connection: Redis) -> None:
    assert enqueue(connection, Job.SEND_CAMPAIGN, 1, once_as="send-1") is True
    assert enqueue(connection, Job.SEND_CAMPAIGN, 11, once_as="send-11") is True
    assert enqueue(connection, Job.SEND_CAMPAIGN, 1, once_as="send-1") is False
    assert enqueue(connection, Job.SEND_CAMPAIGN, 1) is True


def test_a_job_that_was_begun_does_not_hold_up_the_next(connection: Redis) -> None:
    """Its worker may be dead: the name is free as soon as the job has left the queue."""
    enqueue(connection, Job.RECOVER_RUNS, once_as="recover")
    begun = _queue(connection, Job.RECOVER_RUNS).pop_job_id()
    assert begun is not None
    assert enqueue(connection, Job.RECOVER_RUNS, once_as="recover") is True


def test_the_application_enqueues_on_its_own_queue(app: Flask, context: None, connection: Redis) -> None:
    assert enqueue_job(Job.KEEP_HOUSE, once_as="house") is True
    assert enqueue_job(Job.KEEP_HOUSE, once_as="house") is False
    assert len(Queue(Job.KEEP_HOUSE.queue, connection=queue_of_app(), serializer=JSONSerializer).job_ids) == 1


@pytest.mark.parametrize("url", ["unix:///nowhere/valkey.sock", "redis://127.0.0.1:1"])
def test_a_queue_that_is_away_is_told_so(url: str) -> None:
    with pytest.raises(Unavailable, match="What you did is saved and goes on when the queue is back"):
        enqueue(connect_queue(url), Job.SEND_CAMPAIGN, 1, once_as="send-1")


def _queue(connection: Redis, job: Job) -> Queue:
    return Queue(job.queue, connection=connection, serializer=JSONSerializer)


def _empty(connection: Redis) -> None:
    for name in QUEUES:
        Queue(name, connection=connection, serializer=JSONSerializer).empty()
