"""Limits in a second, an hour and a day: counted in Valkey, for all workers together."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from secrets import randbelow
from typing import Any

import pytest
from flask import current_app

from app.core.extensions import queue
from app.sending import quotas
from app.sending.quotas import WINDOWS, give_back, grant, seconds_until, used_now

pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def transport() -> int:
    return randbelow(10**9) + 10**9


@pytest.fixture
def away() -> Iterator[None]:
    """Valkey cannot be reached."""
    before = current_app.extensions["merpati.settings"]
    changes = {"redis_url": "redis://127.0.0.1:9/0", "workers": 2}
    current_app.extensions["merpati.settings"] = before.model_copy(update=changes)
    yield
    current_app.extensions["merpati.settings"] = before


def ask(transport: int, limits: dict[str, Any], wanted: int) -> int:
    return asyncio.run(grant(transport, limits, wanted))


def wait(transport: int, limits: dict[str, Any]) -> float:
    return asyncio.run(seconds_until(transport, limits))


def shift(transport: int, window: str, slots: int) -> None:
    """Valkey's clock seems to have been set forward (or back) by so many slots since the counting."""
    key = f"merpati:quota:{transport}:{window}"
    counted = queue().hgetall(key)
    queue().delete(key)
    for slot, count in counted.items():
        queue().hset(key, str(int(slot) - slots), int(count))


def test_what_is_left_of_each_limit_is_granted(transport: int) -> None:
    limits = {"per_hour": 100, "per_day": 150}
    assert ask(transport, limits, 60) == 60
    assert ask(transport, limits, 60) == 40
    assert ask(transport, limits, 1) == 0
    assert 3500 < wait(transport, limits) <= 3660
    shift(transport, "per_hour", 61)
    assert wait(transport, limits) == 0.0
    assert ask(transport, limits, 60) == 50
    assert 23 * 3600 < wait(transport, limits) <= 24.5 * 3600


def test_without_limits_all_is_granted_and_counted(transport: int) -> None:
    assert ask(transport, {}, 1234) == 1234
    assert wait(transport, {}) == 0.0
    assert used_now([transport])[transport]["per_day"] == 1234


def test_a_window_rolls_and_does_not_start_afresh(transport: int) -> None:
    limits = {"per_hour": 100}
    assert ask(transport, limits, 50) == 50
    shift(transport, "per_hour", 40)
    assert ask(transport, limits, 50) == 50
    shift(transport, "per_hour", 20)
    assert ask(transport, limits, 50) == 0, "the first fifty are not sixty minutes old for sure"
    shift(transport, "per_hour", 1)
    assert ask(transport, limits, 100) == 50


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_a_clock_set_back_sends_no_more_and_heals(transport: int, window: quotas.Window) -> None:
    limits = {window.name: 10}
    assert ask(transport, limits, 10) == 10
    shift(transport, window.name, -1000)
    assert ask(transport, limits, 10) == 0
    assert wait(transport, limits) <= window.seconds + window.slot_ms / 1000
    shift(transport, window.name, window.slots + 1)
    assert ask(transport, limits, 20) == 10


def test_what_was_not_sent_is_given_back_and_never_more(transport: int) -> None:
    limits = {"per_hour": 10}
    assert ask(transport, limits, 6) == 6
    shift(transport, "per_hour", 5)
    assert ask(transport, limits, 4) == 4
    asyncio.run(give_back(transport, 5))
    assert ask(transport, limits, 10) == 5
    asyncio.run(give_back(transport, 1000))
    assert ask(transport, limits, 100) == 10


@pytest.mark.slow
def test_two_workers_at_once_keep_one_limit(transport: int) -> None:
    """Whatever span of a second one looks at, no more was granted within it than a second's worth."""
    limits, spent = {"per_second": 40, "per_day": 110}, []

    def work() -> None:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            asked = time.time()
            if got := ask(transport, limits, 7):
                spent.append((asked, time.time(), got))
            time.sleep(0.005)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(copy_context().run, work) for _ in range(2)]:
            future.result()
    assert sum(got for _asked, _told, got in spent) == 110
    for first, _told, _got in spent:
        within = sum(got for asked, told, got in spent if asked >= first and told <= first + 1.0)
        assert within <= 40


@pytest.mark.slow
def test_without_valkey_a_worker_keeps_to_half_of_its_share(away: None, transport: int) -> None:
    limits = {"per_second": 40, "per_hour": 10**6}
    assert ask(transport, limits, 100) <= 1
    start, granted = time.monotonic(), 0
    while time.monotonic() - start < 1.0:
        granted += ask(transport, limits, 100)
        time.sleep(0.05)
    assert 5 <= granted <= 12, "a quarter of forty: half of what one of two workers may"
    assert ask(transport, {}, 500) == 500
    assert wait(transport, limits) < 0.1
