"""Everybody who was considered has one row in the ledger for ever: the sums, checked."""

from dataclasses import dataclass

from sqlalchemy import text

from app.core.database import db

RECENT_DAYS = 7

SUMS = """
SELECT id, workspace_id, name, found, considered FROM (
    SELECT c.id, c.workspace_id, c.name, c.considered,
           (SELECT count(*) FROM messages m WHERE m.campaign_id = c.id) AS found
    FROM campaigns c
    WHERE c.considered IS NOT NULL AND c.state IN ('holding', 'sending', 'paused', 'finished', 'cancelled')
          AND (c.finished_at IS NULL OR c.finished_at > now() - make_interval(days => :days))
) counted ORDER BY id
"""
"""Of campaigns under way and those that ended lately: rows found in the ledger, and people the freeze judged."""


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """A campaign's ledger against its freeze."""

    campaign_id: int
    workspace_id: int
    name: str
    found: int
    considered: int

    @property
    def adds_up(self) -> bool:
        return self.found == self.considered

    def __str__(self) -> str:
        verdict = "adds up" if self.adds_up else "does not add up"
        return f"{self.found:,} of {self.considered:,} people of “{self.name}” are in its ledger: {verdict}"


def check_sums() -> list[LedgerSum]:
    """The sums of all workspaces' campaigns under way, and of those that ended in the last week."""
    return [LedgerSum(*row) for row in db.session.execute(text(SUMS), {"days": RECENT_DAYS})]
