"""The last call that was refused, as `storing.py` writes it down in one line: when, and why."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC: (.*)", re.DOTALL).fullmatch


class Refusal(NamedTuple):
    """`at` is empty where the line does not say it."""

    at: datetime | None
    why: str


def read_refusal(line: str) -> Refusal:
    """The line in its parts, so that a page can write the time as all others."""
    found = _WRITTEN(line)
    if not found:
        return Refusal(None, line)
    return Refusal(datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC), found[2])
