"""Two schedule processes at once: one works, the other stands by and steps in."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from app.core.extensions import settings
from app.core.settings import libpq_url
from workers import schedule


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who looked, each time."""
    seen: list[str] = []

    def look() -> None:
        seen.append(threading.current_thread().name)

    monkeypatch.setattr(schedule, "TASKS", (schedule.Task(0.0, look),))
    return seen


class Copy:
    """One copy of the schedule, with an election of its own."""

    def __init__(self, name: str, url: str) -> None:
        self.stop = threading.Event()
        self.connection = psycopg.connect(url, autocommit=True)
        self.thread = threading.Thread(target=self._run, name=name)
        self.thread.start()

    def _run(self) -> None:
        with self.connection:
            try:
                schedule._serve(self.connection, self.stop, 0.01)
            except psycopg.OperationalError:
                return

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        self.connection.close()


@pytest.fixture
def copies(context: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Copy, Copy]]:
    monkeypatch.setattr(schedule, "_look", lambda task: task.look())
    # A number of this test's own: a schedule may run beside the tests.
    monkeypatch.setattr(schedule, "LOCK", time.monotonic_ns() % 2**31)
    url = libpq_url(settings().database_url)
    first = Copy("first", url)
    yield first, Copy("second", url)
    first.end()


def until(looks: list[str], name: str) -> None:
    end = time.monotonic() + 10
    while name not in looks:
        assert time.monotonic() < end, f"{name} never looked"
        time.sleep(0.01)


@pytest.mark.slow
def test_one_works_until_it_is_gone(looks: list[str], copies: tuple[Copy, Copy]) -> None:
    first, second = copies
    try:
        deadline = time.monotonic() + 10
        while not looks and time.monotonic() < deadline:
            time.sleep(0.01)
        worker, other = (first, second) if looks[0] == "first" else (second, first)
        count = len(looks)
        while len(looks) < count + 20:
            time.sleep(0.01)
        assert set(looks) == {worker.thread.name}
        worker.end()
        until(looks, other.thread.name)
    finally:
        second.end()
