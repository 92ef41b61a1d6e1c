"""Reading the ledger: plain rows out."""

from dataclasses import dataclass

from sqlalchemy import func, select

from app.core.database import db
from app.messages.lifecycle import OPEN, State
from app.messages.models import Message


@dataclass(frozen=True)
class LedgerRow:
    """How many people of a campaign stand where, and why."""

    state: State
    reason: str
    count: int


@dataclass(frozen=True)
class Ledger:
    """Everybody who was considered, by state and reason. Needs a workspace in scope."""

    rows: tuple[LedgerRow, ...]

    @property
    def audience(self) -> int:
        return sum(row.count for row in self.rows)

    def count(self, *states: State) -> int:
        return sum(row.count for row in self.rows if row.state in states)

    @property
    def open(self) -> int:
        """Messages that still may go out."""
        return self.count(*OPEN)


ORDER = list(State)


def ledger(campaign_id: int) -> Ledger:
    """The ledger of a campaign in the workspace in scope."""
    rows = db.session.execute(
        select(Message.state, Message.reason, func.count())
        .where(Message.campaign_id == campaign_id)
        .group_by(Message.state, Message.reason)
    ).all()
    found = [LedgerRow(State(state), reason, count) for state, reason, count in rows]
    return Ledger(tuple(sorted(found, key=lambda row: (ORDER.index(row.state), -row.count, row.reason))))
