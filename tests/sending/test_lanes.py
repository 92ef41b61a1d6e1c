"""Which send jobs wait in the queue, and what a campaign's page says when none does."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from rq import Queue
from rq.serializers import JSONSerializer

from app.accounts.models import Workspace
from app.core import clock
from app.core.extensions import queue
from app.core.jobs import Job
from app.sending import lanes
from app.sending.fairness import TURN
from tests.sending import moods, world
from tests.sending.servers import Server, running
from workers import sending as jobs

HOUR = timedelta(hours=1)


@pytest.fixture
def waiting(app: Flask, context: None) -> Iterator[Queue]:
    """The queue of send jobs, empty, and no other campaign in `sending`."""
    world.change("UPDATE campaigns SET state = 'finished' WHERE state = 'sending'")
    sending = Queue(Job.SEND_CAMPAIGN.queue, connection=queue(), serializer=JSONSerializer)
    sending.empty()
    yield sending
    sending.empty()


def jobs_of(waiting: Queue) -> list[list[Any]]:
    return sorted(list(job.args) for job in waiting.jobs)


def test_lanes_start_once(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    lanes.start_lanes(campaign)
    lanes.start_lanes(campaign)
    assert jobs_of(waiting) == [[campaign, 0], [campaign, 1]]


def test_tend_starts_as_many_lanes_as_there_is_work_for(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    lanes.tend()
    lanes.tend()
    assert jobs_of(waiting) == [[campaign, 0]]
    with world.sending_by("smtp://127.0.0.1:9", send_batch=1):
        lanes.tend()
    assert jobs_of(waiting) == [[campaign, 0], [campaign, 1]]


def test_tend_leaves_running_lanes_and_other_campaigns_alone(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    world.plan_campaign(workspace, 3, state="paused")
    world.change(
        "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal) VALUES (:w, :c, 'nest', 1, '/nowhere')",
        w=workspace.id,
        c=campaign,
    )
    lanes.tend()
    assert jobs_of(waiting) == []


@pytest.mark.slow
def test_a_slice_queues_the_next_one_while_work_remains(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 400)
    with running(moods.Pausing(0, None, slow=0.02)) as server, world.sending_by(server.url, send_slice=1):
        jobs.send_campaign(campaign, 1)
    assert world.states(campaign)["planned"]
    assert jobs_of(waiting) == [[campaign, 1]]


def test_the_last_slice_queues_nothing(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 4)
    with running(Server()) as server, world.sending_by(server.url):
        jobs.send_campaign(campaign)
    assert world.states(campaign) == {"sent": 4}
    assert jobs_of(waiting) == []


@pytest.mark.slow
def test_a_transport_that_is_down_is_tried_by_one_lane_and_slower_each_time(
    waiting: Queue, workspace: Workspace
) -> None:
    campaign = world.plan_campaign(workspace, 4)
    for failures in range(3):
        assert world.send(campaign, "smtp://127.0.0.1:9").outcome == "waiting"
        with world.sending_by("smtp://127.0.0.1:9", send_batch=1):
            lanes.tend()
            assert jobs_of(waiting) == []
            world.change(
                "UPDATE runs SET ended_at = ended_at - make_interval(secs => :s) WHERE campaign_id = :c",
                c=campaign,
                s=2.0 ** (failures + 1) + 0.1,
            )
            lanes.tend()
        assert jobs_of(waiting) == [[campaign, 0]]
        waiting.empty()


def test_a_page_tells_when_all_that_is_left_is_deferred(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    world.change("UPDATE workspaces SET timezone = 'Asia/Jakarta' WHERE id = :w", w=workspace.id)
    world.change(
        "UPDATE messages SET state = 'deferred', next_attempt_at = '2100-01-01 07:05+00' WHERE campaign_id = :c",
        c=campaign,
    )
    lanes.tend()
    row = world.campaign(campaign)
    assert row.waiting_for == "All 3 left are deferred; next try 14:05 WIB on 1 January."
    assert row.waiting_since is not None
    assert jobs_of(waiting) == []
    now = clock.now().astimezone(ZoneInfo("Asia/Jakarta"))
    world.change("UPDATE messages SET next_attempt_at = :at WHERE campaign_id = :c", at=now + HOUR, c=campaign)
    lanes.tend()
    day = "" if (now + HOUR).date() == now.date() else f" on {(now + HOUR).day} {now + HOUR:%B}"
    assert world.campaign(campaign).waiting_for.endswith(f"next try {now + HOUR:%H:%M} WIB{day}.")


def test_a_page_tells_that_the_workers_are_busy_with_others(waiting: Queue, workspace: Workspace) -> None:
    campaign, other = world.plan_campaign(workspace, 3), world.plan_campaign(workspace, 3)
    for each, ended_at in ((other, None), (campaign, "2100-01-01")):
        world.change(
            "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal, ended_at, outcome) "
            "VALUES (:w, :c, 'nest', 1, '/nowhere', CAST(:at AS timestamptz), 'finished')",
            w=workspace.id,
            c=each,
            at=ended_at,
        )
    lanes.tend()
    assert world.campaign(campaign).waiting_for == ""
    world.change("UPDATE runs SET ended_at = now() - interval '7 seconds' WHERE campaign_id = :c", c=campaign)
    world.change("UPDATE campaigns SET created_at = now() - interval '1 hour' WHERE id = :c", c=campaign)
    world.change("UPDATE campaigns SET launched_at = NULL, hold_until = NULL WHERE id = :c", c=campaign)
    lanes.tend()
    row = world.campaign(campaign)
    assert row.waiting_for == TURN
    [run] = world.look("SELECT ended_at FROM runs WHERE campaign_id = :c", campaign)
    assert row.waiting_since == run.ended_at
    assert world.campaign(other).waiting_for == ""
    world.change("UPDATE runs SET ended_at = now() WHERE campaign_id = :c", c=other)
    with running(Server()) as server:
        world.send(campaign, server.url)
    assert world.campaign(campaign).waiting_for == ""


def test_fewer_runs_than_workers_are_opened(waiting: Queue, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(Server()) as server:
        assert world.send(campaign, server.url, workers=1).outcome == "finished"
        world.change(
            "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal) VALUES (:w, :c, 'nest', 1, '/nowhere')",
            w=workspace.id,
            c=campaign,
        )
        assert world.send(campaign, server.url, workers=1).outcome == "idle"
