"""Limits and turns as the engine keeps them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import current_app

from app.accounts.models import Workspace
from app.sending.engine import run_slice
from app.sending.quotas import used_now
from tests.sending import world
from tests.sending.servers import Server, running
from tests.sending.transports import ways

NOWHERE = "smtp://127.0.0.1:9"


def test_a_day_s_limit_ends_the_run_and_says_so(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 50)
    with running(Server()) as server:
        transport = ways.add(workspace, server, name="Small", limits={"per_day": 20})
        result = world.send(campaign, NOWHERE)
        again = world.send(campaign, NOWHERE)
    assert (len(server.messages), world.states(campaign)["planned"]) == (20, 30)
    assert (result.outcome, again.outcome) == ("waiting", "waiting")
    assert "what its limits allow" in result.waiting_for
    assert "“Small” at " in again.waiting_for
    assert ways.row(transport).failures == 0, "that is no fault of its"
    assert used_now([transport])[transport]["per_day"] == 20


@pytest.mark.slow
def test_two_workers_keep_a_limit_per_second_between_them(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 150)
    arrivals: list[float] = []

    class Clocked(Server):
        def keep(self, raw: bytes) -> None:
            arrivals.append(time.monotonic())
            super().keep(raw)

    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def work() -> None:
        with app.app_context():
            run_slice(campaign)

    with running(Clocked()) as server, world.sending_by(NOWHERE):
        ways.add(workspace, server, limits={"per_second": 50})
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(work) for _ in range(2)]:
                future.result()
    assert world.states(campaign) == {"sent": 150}
    assert len(world.runs(campaign)) == 2
    for first in arrivals:
        # What was granted at the end of one window arrives a little later: that is the slack.
        assert sum(first <= at < first + 0.9 for at in arrivals) <= 55
    assert max(arrivals) - min(arrivals) < 4.0


def test_a_turn_ends_after_its_messages(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 1100)
    with running(Server()) as one, running(Server()) as two:
        ways.add(workspace, one)
        ways.add(workspace, two)
        results = [world.send(campaign, NOWHERE) for _ in range(3)]
    assert [result.counts["sent"] for result in results] == [500, 500, 100]
    assert [result.has_more for result in results] == [True, True, False]
    assert {len(one.messages), len(two.messages)} == {600, 500}


def test_without_limits_it_is_counted_all_the_same(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 30)
    with running(Server()) as server:
        transport = ways.add(workspace, server)
        world.send(campaign, NOWHERE)
    assert used_now([transport])[transport]["per_day"] == 30
