"""`kill -9` in mid-send, again and again: nothing lost, nothing twice, no more in doubt than connections were open."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from app.accounts.models import Workspace
from app.core.settings import Settings
from app.sending.recovery import recover_runs
from tests.conftest import SECRET
from tests.sending import world
from tests.sending.servers import Server, running

pytestmark = pytest.mark.slow

CONNECTIONS = 4


class Workers:
    """Starts worker processes and ends them."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, campaign: int, url: str, **changes: object) -> int:
        usual = {"smtp_url": url, "smtp_connections": CONNECTIONS, "send_batch": 50, "workers": 4}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"campaign": campaign, **usual, **changes}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def workers(settings: Settings) -> Iterator[Workers]:
    """A process that has everything imported and forks workers."""
    environment = {
        **os.environ,
        "MERPATI_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "tests.sending.worker"]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield Workers(process)
    process.communicate(timeout=10)


def wait_for_end(pid: int, seconds: float = 30.0) -> None:
    """Until the process is gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the worker did not end")


def wait_for_mail(server: Server, count: int) -> None:
    end = time.monotonic() + 20
    while len(server.messages) < count and time.monotonic() < end:
        time.sleep(0.002)


def recover_until_closed(campaign: int) -> None:
    """As the schedule does, again and again: a statement of the dead worker may still be under way in the database."""
    end = time.monotonic() + 10
    while any(run.ended_at is None for run in world.runs(campaign)):
        assert time.monotonic() < end, "the run stays open"
        recover_runs()


def kill_once(workers: Workers, workspace: Workspace, dice: random.Random) -> None:
    """One crash at a random moment, one recovery, then the rest is sent."""
    people = 300
    campaign = world.plan_campaign(workspace, people)
    with running(Server()) as server:
        pid = workers.start(campaign, server.url)
        wait_for_mail(server, dice.randrange(1, 250))
        time.sleep(dice.random() * 0.02)
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
        was_open = [run for run in world.runs(campaign) if run.ended_at is None]
        with world.sending_by(server.url):
            recover_until_closed(campaign)
        after = world.states(campaign)
        assert after["sending"] == 0
        assert after["uncertain"] <= CONNECTIONS
        if was_open:
            assert world.runs(campaign)[-1].outcome == "recovered"
        world.send(campaign, server.url)
    states = world.states(campaign)
    got = server.recipients
    assert states["uncertain"] == after["uncertain"]
    assert states["sent"] + states["uncertain"] == people
    assert max(got.values()) == 1, "somebody got it twice"
    sent = {
        row.address for row in world.look("SELECT * FROM messages WHERE state = 'sent' AND campaign_id = :c", campaign)
    }
    assert sent <= got.keys(), "the ledger says sent, and the server never took it"
    assert got.keys() - sent <= {
        row.address
        for row in world.look("SELECT * FROM messages WHERE state = 'uncertain' AND campaign_id = :c", campaign)
    }
    assert len(world.attempts(campaign)) == people


def test_a_killed_worker_loses_nothing_and_sends_nothing_twice(workers: Workers, workspace: Workspace) -> None:
    for seed in range(4):
        kill_once(workers, workspace, random.Random(seed))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_kills(workers: Workers, workspace: Workspace) -> None:
    for seed in range(200):
        kill_once(workers, workspace, random.Random(1000 + seed))


def test_a_living_run_is_left_alone(workers: Workers, workspace: Workspace) -> None:
    class Slow(Server):
        def body(self, wire, raw):  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            super().body(wire, raw)

    campaign = world.plan_campaign(workspace, 100)
    with running(Slow()) as server:
        pid = workers.start(campaign, server.url)
        wait_for_mail(server, 10)
        with world.sending_by(server.url):
            assert recover_runs().runs == 0
        wait_for_end(pid)
    assert world.states(campaign) == {"sent": 100}
    assert max(server.recipients.values()) == 1


def test_sigterm_gives_back_what_was_not_begun(workers: Workers, settings: Settings, workspace: Workspace) -> None:
    class Slow(Server):
        def body(self, wire, raw):  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            super().body(wire, raw)

    campaign = world.plan_campaign(workspace, 200)
    with running(Slow()) as server:
        pid = workers.start(campaign, server.url)
        wait_for_mail(server, 10)
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid, 5)
    states = world.states(campaign)
    assert set(states) == {"sent", "planned"}
    assert states["sent"] == len(server.messages)
    assert world.runs(campaign)[-1].outcome == "stopped"
    assert not list((settings.root / "journals").glob(f"{campaign}-*"))


def test_two_workers_share_a_campaign(workers: Workers, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 400)
    with running(Server()) as server:
        pids = [workers.start(campaign, server.url) for _ in range(2)]
        for pid in pids:
            wait_for_end(pid)
    assert world.states(campaign) == {"sent": 400}
    assert max(server.recipients.values()) == 1
    assert len(world.runs(campaign)) == 2


def test_a_worker_that_slept_through_its_recovery_hands_nothing_over(workers: Workers, workspace: Workspace) -> None:
    class Slow(Server):
        def body(self, wire, raw):  # type: ignore[no-untyped-def]
            time.sleep(0.02)
            super().body(wire, raw)

    campaign = world.plan_campaign(workspace, 1000)
    with running(Slow()) as server:
        pid = workers.start(campaign, server.url)
        wait_for_mail(server, 20)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1.2)
        world.change("UPDATE runs SET ended_at = now(), outcome = 'lost' WHERE campaign_id = :c", c=campaign)
        before = len(server.messages)
        os.kill(pid, signal.SIGCONT)
        wait_for_end(pid)
        assert len(server.messages) <= before + CONNECTIONS
