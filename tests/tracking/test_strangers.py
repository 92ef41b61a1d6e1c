"""The day's allowance for mail that names no message of ours: shared, kept over restarts, and told by the doctor."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core import clock
from app.core.extensions import queue
from app.core.settings import Settings
from app.runtime.services import embedded_urls
from app.shell import doctor
from app.tracking.strangers import Strangers, Today, taken_today


@pytest.fixture(autouse=True)
def _a_new_day(context: None) -> Iterator[None]:
    _forget()
    yield
    _forget()


async def ask(settings: Settings, *octets: int) -> list[bool]:
    """A listener that has just begun is offered mails of these lengths; which of them it took."""
    strangers, taken = Strangers(settings.redis_url, 100), []
    for each in octets:
        taken.append(await strangers.admits(each))
        if taken[-1]:
            await strangers.count(each)
    await strangers.close()
    return taken


def test_the_allowance_is_of_a_day(settings: Settings) -> None:
    assert asyncio.run(ask(settings, 100, 1)) == [True, False]
    with clock.moved(timedelta(days=1)):
        assert asyncio.run(ask(settings, 100, 1)) == [True, False]


def test_it_outlives_a_restart_and_is_one_for_all_listeners(settings: Settings) -> None:
    assert asyncio.run(ask(settings, 60)) == [True]
    assert asyncio.run(ask(settings, 60, 40, 1)) == [False, True, False]

    async def two() -> list[bool]:
        first, second = Strangers(settings.redis_url, 200), Strangers(settings.redis_url, 200)
        await first.count(70)
        taken = [await second.admits(40), await second.admits(30)]
        await first.close()
        await second.close()
        return taken

    assert asyncio.run(two()) == [False, True]


def test_a_day_is_forgotten_in_two(settings: Settings) -> None:
    asyncio.run(ask(settings, 10))
    [key] = queue().keys("merpati:strangers:*")
    assert 86_400 < queue().ttl(key) <= 2 * 86_400


def test_without_valkey_the_process_counts_for_itself_and_tells_it_later(settings: Settings, tmp_path: Path) -> None:
    gone = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/gone.sock"})
    with capture_logs() as told:
        assert asyncio.run(ask(gone, 60, 60, 40)) == [True, False, True]
    assert [line["event"] for line in told if "shared" in line["event"]] == [
        "the day's count cannot be shared just now"
    ]

    async def away_and_back() -> bool:
        strangers = Strangers(gone.redis_url, 100)
        await strangers.count(60)
        away, back = strangers._queue, Strangers(settings.redis_url, 100)
        strangers._queue = back._queue
        admitted = await strangers.admits(50)
        await away.aclose()
        await strangers.close()
        return admitted

    assert asyncio.run(away_and_back()) is False
    assert taken_today(queue()) == Today(60, 1)


def test_the_last_known_count_holds_while_valkey_is_away(settings: Settings, tmp_path: Path) -> None:
    asyncio.run(ask(settings, 90))

    async def lose_it() -> bool:
        strangers = Strangers(settings.redis_url, 100)
        assert await strangers.admits(10)
        await strangers.close()
        strangers._queue = Strangers(f"unix://{tmp_path}/gone.sock", 100)._queue
        return await strangers.admits(11)

    assert asyncio.run(lose_it()) is False


def test_the_doctor_tells_how_much_is_used(settings: Settings) -> None:
    small = settings.model_copy(update={"stranger_mail": 1024**2})
    asyncio.run(_use(small, 524_288))
    [finding] = _examined(small)
    assert (finding.ok, finding.text, finding.cure) == (True, "0.5 of 1 MB of today (UTC) are used", "")
    asyncio.run(_use(small, 700_000))
    [finding] = _examined(small)
    assert not finding.ok
    assert "mail was put off 1 times" in finding.text
    assert "MERPATI_STRANGER_MAIL" in finding.cure


async def _use(settings: Settings, octets: int) -> None:
    strangers = Strangers(settings.redis_url, settings.stranger_mail)
    if await strangers.admits(octets):
        await strangers.count(octets)
    await strangers.close()


def _examined(settings: Settings) -> list[doctor.Finding]:
    return list(doctor._strangers(settings, embedded_urls(settings)))


def _forget() -> None:
    for key in queue().scan_iter("merpati:strangers:*"):
        queue().delete(key)
