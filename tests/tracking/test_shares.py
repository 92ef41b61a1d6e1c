"""The share of one message in a day's mail: told to all listeners, without a question for each small report."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.core import clock
from app.core.extensions import queue
from app.core.settings import Settings
from app.tracking import shares
from app.tracking.shares import Shares

MB = 1024 * 1024


@pytest.fixture(autouse=True)
def _a_new_day(context: None) -> Iterator[None]:
    _forget()
    yield
    _forget()


def _forget() -> None:
    for key in queue().scan_iter("merpati:shares:*"):
        queue().delete(key)


async def take(settings: Settings, message: int | None, *octets: int) -> list[bool]:
    """A listener that has just begun is offered mails of these lengths."""
    own = Shares(settings.redis_url)
    taken = [await own.take(message, each) for each in octets]
    await own.close()
    return taken


def test_a_message_has_its_share_of_a_day(settings: Settings) -> None:
    assert asyncio.run(take(settings, 7, 20 * MB, 20 * MB, 5 * MB, 1)) == [True, False, True, False]
    assert asyncio.run(take(settings, 8, 20 * MB)) == [True]
    assert asyncio.run(take(settings, None, 1)) == [False]
    with clock.moved(timedelta(days=1)):
        assert asyncio.run(take(settings, 7, 20 * MB)) == [True]


def test_it_outlives_a_restart_and_is_one_for_all_listeners(settings: Settings) -> None:
    assert asyncio.run(take(settings, 7, 20 * MB)) == [True]
    assert asyncio.run(take(settings, 7, 6 * MB, 5 * MB)) == [False, True]
    [key] = queue().keys("merpati:shares:*")
    assert 86_400 < queue().ttl(key) <= 2 * 86_400


def test_what_was_not_stored_is_given_back(settings: Settings) -> None:
    async def twice() -> list[bool]:
        own, other = Shares(settings.redis_url), Shares(settings.redis_url)
        taken = [await own.take(7, 20 * MB)]
        own.give_back(7, 20 * MB)
        taken += [await own.take(7, 10 * MB), await other.take(7, 10 * MB), await other.take(7, 10 * MB)]
        await own.close()
        await other.close()
        return taken

    assert asyncio.run(twice()) == [True, True, True, False]


def test_small_reports_ask_valkey_nothing(settings: Settings, tmp_path: Path) -> None:
    gone = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/gone.sock"})

    async def ten_thousand() -> Shares:
        own = Shares(gone.redis_url)
        own._queue = None  # type: ignore[assignment]  # whoever asked would fail
        assert all([await own.take(number, 5_000) for number in range(10_000)])
        return own

    asyncio.run(ten_thousand())


def test_many_small_ones_come_to_a_share_as_well(settings: Settings) -> None:
    assert sum(asyncio.run(take(settings, 7, *[100_000] * 400))) == 262
    assert sum(asyncio.run(take(settings, 7, *[100_000] * 400))) <= MB // 100_000 + 1


def test_without_valkey_each_counts_for_itself(settings: Settings, tmp_path: Path) -> None:
    gone = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/gone.sock"})
    assert asyncio.run(take(gone, 7, 20 * MB, 20 * MB, 5 * MB)) == [True, False, True]


def test_what_is_remembered_is_bounded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MOST", 10)

    async def many() -> tuple[int, bool]:
        own = Shares(settings.redis_url)
        await own.take(1, 25 * MB)
        for number in range(2, 100):
            await own.take(number, 10)
        found = len(own._shares), await own.take(1, MB)
        await own.close()
        return found

    held, taken = asyncio.run(many())
    assert held <= 10
    assert not taken
