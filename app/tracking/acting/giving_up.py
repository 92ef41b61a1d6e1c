"""Giving an address up: suppressed in the whole workspace, or held while many fail alike."""

from sqlalchemy import select, text

from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.dead_addresses import SUPPRESS_OR_HOLD, provider_sql
from app.messages.models import Message
from app.tracking.acting.points import enough_points

_GIVE_UP = text(
    f"""
WITH dead AS (
    SELECT m.workspace_id, m.id AS message_id, m.address, {provider_sql("m")} AS provider,
           CAST(:reason AS text) AS reason, CAST(:evidence AS text) AS evidence, CAST(:now AS timestamptz) AS written_at
    FROM messages m WHERE m.id = :message AND m.workspace_id = :workspace
), {SUPPRESS_OR_HOLD}
"""  # noqa: S608 - only constants of the house are put together
)

# Points of the last two days, of addresses that may have enough of them: most have one.
_RIPE = text(
    """
SELECT (array_agg(p.message_id ORDER BY p.day DESC))[1] AS message,
       (array_agg(p.reason ORDER BY p.day DESC))[1] AS reason
FROM bounce_points p JOIN workspaces w ON w.id = p.workspace_id
WHERE p.workspace_id = :workspace AND p.day >= CAST(:today AS date) - CAST(w.bounce_stale AS integer)
GROUP BY p.address_hash, w.bounce_days
HAVING count(*) >= w.bounce_days AND max(p.day) >= CAST(:today AS date) - 1
"""
)


def give_up(message: Message, reason: str, evidence: str) -> str:
    """Suppress the address, or hold that while an incident is open; says which. Safe to repeat."""
    binds = {"message": message.id, "workspace": message.workspace_id, "reason": reason, "evidence": evidence}
    row = db.session.execute(_GIVE_UP, {**binds, "now": clock.now()}).one()
    if row.held:
        return "many fail alike, so the address is kept until somebody decides"
    return "the address is suppressed"


def weigh_points() -> int:
    """Give up the addresses of the workspace in scope whose points, some of them written while sending, are enough."""
    given_up = 0
    today = clock.now().date()
    for row in db.session.execute(_RIPE, {"workspace": current_workspace_id(), "today": today}).all():
        message = db.session.scalar(select(Message).where(Message.id == row.message))
        if message is None or message.subscriber_id is None:
            continue
        if evidence := enough_points(message):
            give_up(message, row.reason, evidence)
            given_up += 1
    return given_up
