"""What became of the messages of a burst that nobody believed, once somebody let them be tried again."""

from dataclasses import dataclass

from sqlalchemy import text

from app.core.database import db
from app.tracking.incidents.decisions import DISCARDED, UNDONE
from app.tracking.incidents.holding import DOUBTED
from app.tracking.incidents.opening import BURST
from app.tracking.incidents.reach import FAILED, binds_of
from app.tracking.models import Incident


@dataclass(frozen=True, slots=True)
class Again:
    """Messages of an incident by what became of them since. `left`: still to be tried again by somebody."""

    left: int
    taken: int
    under_way: int
    failed: int

    @property
    def tried(self) -> int:
        return self.taken + self.under_way + self.failed


def tried_again(incident: Incident) -> Again | None:
    """How the second try stands; None where there is none to be made. Needs the workspace in scope."""
    if incident.kind != BURST or incident.decision not in (DISCARDED, UNDONE):
        return None
    row = db.session.execute(_AGAIN, binds_of(incident) | {"decided": incident.decided_at}).one()
    return Again(row.still, row.taken, row.under_way, row.failed)


# Until somebody tries them again they are bounced, most of them for the doubted reason: what failed a moment ago has
# its own still. Whoever is tried again has an attempt that says so; then they go their way like any other.
_AGAIN = text(
    f"""
WITH {FAILED}
SELECT count(*) FILTER (WHERE is_waiting) AS still,
       count(*) FILTER (WHERE NOT is_waiting AND state NOT IN ('sent', 'planned', 'sending', 'deferred')) AS failed,
       count(*) FILTER (WHERE state = 'sent') AS taken,
       count(*) FILTER (WHERE state IN ('planned', 'sending', 'deferred')) AS under_way
FROM (SELECT f.*, f.state = 'bounced' AND (f.reason = '{DOUBTED}' OR NOT EXISTS (
          SELECT FROM attempts a
          WHERE a.message_id = f.id AND a.outcome = 'planned' AND a.at >= :decided)) AS is_waiting
      FROM failed f) f
"""  # noqa: S608 - only constants of the house are put together
)
