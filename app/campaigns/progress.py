"""How far a campaign is, in numbers for people."""

from dataclasses import dataclass

from sqlalchemy import func, select

from app.core.database import db
from app.messages.lifecycle import State
from app.messages.models import Message
from app.messages.queries import Ledger


@dataclass(frozen=True, slots=True)
class Progress:
    """`recipients` are all who were not skipped; `rate` is messages settled per second, None while nothing is known.

    `sent` is what servers took, as on the home page and in the report; `sent_back` is how many of it bounced later.
    """

    recipients: int
    done: int
    sent: int
    waiting: int
    deferred: int
    under_way: int
    rate: float | None = None
    sent_back: int = 0

    @property
    def minutes_left(self) -> int | None:
        """How long what waits and what workers hold will take at this rate; what was deferred has its own times."""
        return max(1, round((self.waiting + self.under_way) / self.rate / 60)) if self.rate else None


def progress_of(ledger: Ledger, *, sent_back: int = 0, done_before: int | None = None, seconds: float = 0) -> Progress:
    """The progress that a ledger shows; the rate is that of `seconds`, in which `done_before` grew to `done`.

    A ledger's bounces do not tell which of them a server had taken first: `count_sent_back` does.
    """
    recipients = ledger.audience - ledger.count(State.SKIPPED)
    done = recipients - ledger.open
    moved = 0 if done_before is None else done - done_before
    return Progress(
        recipients=recipients,
        done=done,
        sent=ledger.count(State.SENT) + sent_back,
        waiting=ledger.count(State.PLANNED),
        deferred=ledger.count(State.DEFERRED),
        under_way=ledger.count(State.SENDING),
        rate=moved / seconds if seconds >= 1 and moved > 0 else None,
        sent_back=sent_back,
    )


def count_sent_back(campaign_id: int) -> int:
    """How many mails of a campaign a server took and that bounced since. Needs a workspace in scope."""
    came_back = (Message.campaign_id == campaign_id, Message.state == State.BOUNCED, Message.sent_at.is_not(None))
    return db.session.scalar(select(func.count()).where(*came_back)) or 0
