"""The time, in one place, so that tests can move it. Everything is stored in UTC."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_offset: ContextVar[timedelta] = ContextVar("clock_offset", default=timedelta())


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC) + _offset.get()


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Within the block, `now()` is `by` later."""
    token = _offset.set(_offset.get() + by)
    try:
        yield
    finally:
        _offset.reset(token)
