"""How far a campaign is, in numbers for people."""

from dataclasses import dataclass

from app.messages.lifecycle import State
from app.messages.queries import Ledger


@dataclass(frozen=True, slots=True)
class Progress:
    """`recipients` are all who were not skipped; `rate` is messages settled per second, None while nothing is known."""

    recipients: int
    done: int
    sent: int
    waiting: int
    deferred: int
    under_way: int
    rate: float | None = None

    @property
    def minutes_left(self) -> int | None:
        """How long what waits and what workers hold will take at this rate; what was deferred has its own times."""
        return max(1, round((self.waiting + self.under_way) / self.rate / 60)) if self.rate else None


def progress_of(ledger: Ledger, *, done_before: int | None = None, seconds: float = 0) -> Progress:
    """The progress that a ledger shows; the rate is that of `seconds`, in which `done_before` grew to `done`."""
    recipients = ledger.audience - ledger.count(State.SKIPPED)
    done = recipients - ledger.open
    moved = 0 if done_before is None else done - done_before
    return Progress(
        recipients=recipients,
        done=done,
        sent=ledger.count(State.SENT),
        waiting=ledger.count(State.PLANNED),
        deferred=ledger.count(State.DEFERRED),
        under_way=ledger.count(State.SENDING),
        rate=moved / seconds if seconds >= 1 and moved > 0 else None,
    )
