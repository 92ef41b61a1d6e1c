"""What `--wait` prints of a campaign on its way: each new state, what it waits for, and how far it has come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

EVERY = 5.0
"""Seconds between two lines of progress: what it waits for is told at once."""


@dataclass(slots=True)
class Follower:
    """Remembers what was told; `lines` gives what is new in a status of the campaign."""

    told: tuple[str, str] = ("", "")
    done: int = 0
    told_at: float = 0.0

    def lines(self, status: Mapping[str, Any], now: float) -> Iterator[str]:
        """The new lines; `now` is in seconds of any steady clock."""
        state, waits = str(status["state"]), str(status["waiting_for"])
        if (state, waits) != self.told:
            yield f"{state}, waits: {waits}" if waits else f"{state} …"
            self.told = state, waits
        skipped = sum(row["count"] for row in status["ledger"] if row["state"] == "skipped")
        people = status["audience"] - skipped
        done = people - status["open"]
        if done != self.done and (now - self.told_at >= EVERY or not status["open"]):
            yield f"{done:,} of {people:,} settled"
            self.done, self.told_at = done, now
