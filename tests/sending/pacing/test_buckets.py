"""The buckets in Valkey: never more than the rate, never more than the slots, whatever the workers and clocks do."""

import asyncio
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from app.accounts.models import Workspace
from app.core.settings import Settings
from app.runtime.services import services
from app.sending.pacing.buckets import Buckets, Cut, Grant, Want, index_key
from app.sending.pacing.limits import Limits
from tests.sending import world
from tests.sending.pacing.moods import Providers, Rate
from tests.sending.pacing.people import plan
from tests.sending.servers import running

SLOWER = Cut("a.test", "slower", 0, 20.0, 4, 10, 0.0, "451 slow down")
FEWER = Cut("a.test", "fewer", 0, 20.0, 8, 10, 0.0, "421 too many")
SCALE = 0.001
few_examples = hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Bench:
    """Some runs of one transport, and a clock that can be turned."""

    def __init__(self, url: str, runs: int) -> None:
        self.key, self.connection = secrets.token_hex(4), Redis.from_url(url)
        self.runs = [Buckets(url, self.key, f"run{number}", SCALE) for number in range(runs)]
        self.state = f"{index_key(self.key)}:a.test"

    async def ask(self, run: int, want: int = 0, used: int = 0, taken: int = 0, *cuts: Cut) -> Grant | None:
        grants = await self.runs[run].exchange(cuts, {}, {"a.test": Want(want, used, taken)})
        assert grants is not None
        return next((one for one in grants if one.provider == "a.test"), None)

    def pass_time(self, seconds: float) -> None:
        for field in ("stamp", "until", "cut_at"):
            if self.connection.hexists(self.state, field):
                self.connection.hincrbyfloat(self.state, field, -seconds)

    async def __aenter__(self) -> "Bench":
        return self

    async def __aexit__(self, *_error: object) -> None:
        for run in self.runs:
            await run.close()
        self.connection.close()


@given(
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.floats(0, 3)), min_size=1, max_size=12),
    rate=st.floats(0.5, 500),
)
@few_examples
def test_no_more_is_granted_than_the_rate_allows(
    settings: Settings, steps: list[tuple[int, int, float]], rate: float
) -> None:
    async def play() -> None:
        async with Bench(settings.redis_url, 3) as bench:
            await bench.ask(0, 0, 0, 0, SLOWER._replace(measured=rate))
            bench.pass_time(3600.0)
            held = await bench.ask(0)
            assert held is not None
            assert held.rate is not None
            total, begun, turned = 0.0, time.monotonic(), 0.0
            for run, want, seconds in steps:
                bench.pass_time(seconds)
                turned += seconds
                found = await bench.ask(run, want)
                assert found is not None
                assert 0 <= found.tokens <= want
                total += found.tokens
            burst = max(2.0, held.rate * 0.3)
            assert total <= burst + held.rate * (turned + time.monotonic() - begun) + 1

    asyncio.run(play())


@given(wants=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=3, max_size=20))
@few_examples
def test_all_runs_together_never_have_more_slots_than_there_are(
    settings: Settings, wants: list[tuple[int, int]]
) -> None:
    async def play() -> None:
        shares = [0, 0, 0]
        async with Bench(settings.redis_url, 3) as bench:
            await bench.ask(0, 5, 0, 0, FEWER)
            for run, want in wants:
                found = await bench.ask(run, want, min(shares[run], want))
                assert found is not None
                assert found.slots is not None
                assert found.share is not None
                shares[run] = found.share if want else 0
                assert sum(shares) <= found.slots

    asyncio.run(play())


def test_one_round_cuts_once(settings: Settings) -> None:
    async def play() -> None:
        async with Bench(settings.redis_url, 2) as bench:
            first = await bench.ask(0, 5, 0, 0, SLOWER._replace(measured=400.0))
            again = await bench.ask(1, 5, 0, 0, SLOWER._replace(measured=400.0))
            assert first is not None
            assert again is not None
            assert first.rate == again.rate == 200.0
            assert first.round == again.round == 1
            bench.pass_time(1.0)
            later = await bench.ask(1, 5, 0, 0, SLOWER._replace(round=1))
            assert later is not None
            assert later.rate == 150.0

    asyncio.run(play())


def test_it_is_back_at_nine_tenths_soon_and_beyond_the_ceiling_late(settings: Settings) -> None:
    async def play() -> None:
        async with Bench(settings.redis_url, 1) as bench:
            await bench.ask(0, 5, 0, 0, SLOWER._replace(measured=200.0))
            bench.pass_time(60.0)
            await bench.ask(0, 500, 0, 0, SLOWER._replace(round=1))
            rates = []
            for _ in range(100):
                bench.pass_time(0.05)
                found = await bench.ask(0, 500, 0, 10)
                assert found is not None
                rates.append(found.rate or 0)
            assert 85 <= rates[7] <= 92
            assert max(rates[:60]) <= 100
            assert rates[-1] > 100
            assert rates == sorted(rates)

    asyncio.run(play())


def test_a_clock_that_jumps_back_neither_prolongs_a_hold_nor_floods(settings: Settings) -> None:
    async def play() -> None:
        async with Bench(settings.redis_url, 1) as bench:
            await bench.ask(0, 5, 0, 0, Cut("a.test", "rest", 0, 1.0, 1, 10, 600.0, "4.7.28"))
            bench.pass_time(-86_400.0)
            found = await bench.ask(0, 5)
            assert found is not None
            assert 0 < found.hold <= 600 * SCALE

    asyncio.run(play())


def test_without_valkey_everybody_keeps_to_an_equal_share() -> None:
    limits = Limits(workers=4)
    limit = limits.of("a.test")
    limit.rate = 40.0
    limits.go_alone()
    limit.tokens = 0.0
    begun = time.monotonic()
    while time.monotonic() < begun + 0.5:
        limits.go_alone()
        time.sleep(0.01)
    assert 4.0 <= limit.tokens <= 6.0


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory, app: Flask) -> Iterator[str]:
    """A Valkey that may be killed."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="merpati-own-") as home:
        Path(home).chmod(0o755)
        given_settings = app.extensions["merpati.settings"].model_copy(update={"home": Path(home), "redis_url": ""})
        with services(given_settings) as found:
            yield found.redis_url


@pytest.mark.slow
def test_killed_in_mid_send_it_neither_stops_nor_floods(workspace: Workspace, own_valkey: str) -> None:
    campaign = plan(workspace, slow_test=600, fast_test=100)
    # From a known state on: at 30 a second, no search for it.
    Redis.from_url(own_valkey).hset(
        "merpati:pace:default:slow.test",
        mapping={"rate": 30, "ceiling": 33, "round": 1, "tokens": 1, "why": "slow", "since": time.time()},
    )
    Redis.from_url(own_valkey).sadd("merpati:pace:default", "slow.test")
    gone: list[float] = []

    def kill() -> None:
        Redis.from_url(own_valkey).shutdown(nosave=True)
        gone.append(time.monotonic())

    timer = threading.Timer(1.5, kill)
    with running(Providers(slow_test=Rate(40.0))) as server:
        timer.start()
        result = world.send(campaign, server.url, redis_url=own_valkey, send_slice=5, workers=1)
        timer.join()
    assert result.outcome == "finished"
    assert len(server.taken("fast.test")) == 100
    before = [at for at in server.taken("slow.test") if at < gone[0]]
    after = [at for at in server.taken("slow.test") if at > gone[0] + 0.3]
    assert len(before) > 20
    span = server.tries[-1][0] - gone[0] - 0.3
    assert 12 * span < len(after) < 40 * span
    assert len(server.refused("slow.test")) <= 3
