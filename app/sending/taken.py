"""What transports took and refused of late, by the record of attempts: limits count every try, people ask for mails."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.core.database import current_workspace_id, db

_QUERY = text(
    """
    SELECT r.transport_id, count(*) FILTER (WHERE a.outcome = 'sent') AS taken,
           count(*) FILTER (WHERE a.outcome IN ('deferred', 'bounced', 'failed')) AS refused
    FROM attempts a JOIN runs r ON r.id = a.run_id
    WHERE a.workspace_id = :workspace AND a.at >= :since AND r.transport_id = ANY(:ids)
    GROUP BY r.transport_id
    """
)


@dataclass(frozen=True, slots=True)
class Handed:
    """Tries of campaigns' mails that a transport answered. `refused`: for now or for good."""

    taken: int = 0
    refused: int = 0


def handed_since(since: datetime, transport_ids: Collection[int]) -> dict[int, Handed]:
    """For each of these transports of the workspace in scope, what it answered since then."""
    asked = {"workspace": current_workspace_id(), "since": since, "ids": list(transport_ids)}
    found = {number: Handed(taken, refused) for number, taken, refused in db.session.execute(_QUERY, asked)}
    return {number: found.get(number, Handed()) for number in transport_ids}
