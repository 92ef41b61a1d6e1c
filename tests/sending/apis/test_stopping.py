"""Pause, kill and shutdown while calls are under way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

import pytest

from app.accounts.models import Workspace
from app.core.settings import Settings
from app.sending import engine
from app.sending.apis.account import ApiAccount
from app.sending.recovery import recover_runs
from tests.conftest import SECRET
from tests.sending import world
from tests.sending.apis.conftest import Send
from tests.sending.apis.providers import Call, FakePostmark, FakeProvider, FakeSes, Reply
from tests.sending.apis.test_moods import check_sums
from tests.sending.servers import running
from tests.sending.test_permissions import elsewhere

pytestmark = pytest.mark.slow


def acting(number: int, act: Callable[[], None]) -> Callable[[FakeProvider, Call, int], None]:
    """A mood that does something elsewhere when a call comes, and then takes it."""

    def mood(_fake: FakeProvider, _call: Call, now: int) -> None:
        if now == number:
            act()

    return mood


@pytest.mark.parametrize(("provider", "number"), [(FakeSes, 50), (FakePostmark, 5)])
def test_pause_stops_within_a_second(
    workspace: Workspace, send: Send, provider: type[FakeProvider], number: int
) -> None:
    campaign = world.plan_campaign(workspace, 3000)
    paused: list[float] = []
    late: list[float] = []
    pause = elsewhere("UPDATE campaigns SET state = 'paused' WHERE id = %s", campaign)

    def mood(_fake: FakeProvider, _call: Call, now: int) -> None:
        if now == number:
            pause()
            paused.append(time.monotonic())
        elif paused:
            late.append(time.monotonic() - paused[0])

    with running(provider(mood, slow=0.05)) as fake:
        result = send(campaign, fake.account())
    assert (result.outcome, result.has_more) == ("stopped", False)
    states = check_sums(campaign, fake, 3000)
    assert set(states) == {"sent", "planned"}
    assert states["sent"] == len(fake.taken)
    assert max(late, default=0.0) < 1.1


def test_who_leaves_during_the_send_gets_nothing_more(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 1000)
    leave = elsewhere(
        "UPDATE subscriptions SET state = 'unsubscribed' WHERE workspace_id = %s AND subscriber_id %% 2 = 0",
        workspace.id,
    )
    with running(FakePostmark(acting(4, leave), slow=0.05)) as fake:
        while send(campaign, fake.account()).has_more:
            pass
    found = world.reasons(campaign)
    assert found["skipped", "unsubscribed"] > 200
    assert found["sent", ""] == len(fake.taken) == 1000 - found["skipped", "unsubscribed"]


def test_sigterm_waits_for_the_calls_under_way(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 1000)
    with running(FakeSes(acting(10, engine.request_stop), slow=0.3)) as fake:
        result = send(campaign, fake.account())
    assert result.outcome == "stopped"
    states = check_sums(campaign, fake, 1000)
    assert set(states) == {"sent", "planned"}
    assert states["sent"] == len(fake.taken)


@pytest.mark.parametrize("provider", [FakeSes, FakePostmark])
def test_kill_9_leaves_only_the_calls_under_way_in_doubt(
    settings: Settings, workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    people = 600
    campaign = world.plan_campaign(workspace, people)
    enough = threading.Event()
    in_flight: list[int] = []

    def mood(fake: FakeProvider, call: Call, number: int) -> Reply | None:
        if number == 20:
            enough.set()
        in_flight.append(len(call.json) if isinstance(call.json, list) else 1)
        return None

    with running(provider(mood, slow=0.03)) as fake:
        account = fake.account(per_call=25)
        worker = start(settings, campaign, account)
        assert enough.wait(20)
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate(timeout=10)
        end = time.monotonic() + 10
        while any(run.ended_at is None for run in world.runs(campaign)):
            assert time.monotonic() < end, "the run stays open"
            recover_runs()
        after = world.states(campaign)
        assert after["sending"] == 0
        assert 0 < after["uncertain"] <= account.connections * max(in_flight)
        while send(campaign, account).has_more:
            pass
    states = check_sums(campaign, fake, people)
    assert set(states) <= {"sent", "uncertain"}
    assert states["uncertain"] == after["uncertain"]


def start(settings: Settings, campaign: int, account: ApiAccount) -> "subprocess.Popen[str]":
    """A worker at work."""
    environment = {
        **os.environ,
        "MERPATI_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "tests.sending.apis.worker", str(campaign), json.dumps(asdict(account))]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker
