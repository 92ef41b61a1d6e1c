"""What facts lead to, for many messages in one statement each. Needs the workspace in scope; commits nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.dead_addresses import POINT, SUPPRESS_OR_HOLD, provider_sql
from app.messages.lifecycle import State, sources


class Failure(NamedTuple):
    """A message that failed: why, in whose words, and when."""

    message_id: int
    reason: str
    evidence: str
    at: datetime


def write_events(rows: Sequence[Mapping[str, Any]]) -> None:
    """Events as `recording.event_values` gives them."""
    _run(_EVENTS, rows)


def mark_all_bounced(failures: Iterable[Failure]) -> None:
    """As `recording.mark_bounced`, for each."""
    movable = [state for state in sources(State.BOUNCED) if state != State.SENDING]
    _run(_BOUNCED, [_row(failure) for failure in failures], states=movable)


def give_all_up(failures: Iterable[Failure]) -> frozenset[int]:
    """As `giving_up.give_up`, for each; returns the messages whose addresses are held instead of suppressed."""
    rows = [_row(failure) for failure in failures]
    if not rows:
        return frozenset()
    if not _run(_GIVE_UP, rows, now=clock.now()).one().held:
        return frozenset()
    return frozenset(_run(_HELD, rows).scalars())


def add_all_points(failures: Iterable[Failure]) -> frozenset[int]:
    """As `points.add_point`, for each; returns the messages whose addresses may have enough of them."""
    rows = [_row(failure) for failure in failures]
    if not rows:
        return frozenset()
    _run(_POINTS, rows)
    return frozenset(_run(_RIPE, rows, today=clock.now().date()).scalars())


def forget_all_points(signs: Iterable[tuple[int, datetime]]) -> None:
    """As `points.forget_points`: the addresses of these messages live, up to those days."""
    rows = [{"message_id": number, "day": _day(until)} for number, until in signs]
    _run(_FORGET, rows)


def _run(statement: Any, rows: Sequence[Mapping[str, Any]], **binds: Any) -> Any:
    if not rows:
        return None
    told = json.dumps(rows, default=str)
    return db.session.execute(statement, {"rows": told, "workspace": current_workspace_id(), **binds})


def _row(failure: Failure) -> dict[str, Any]:
    return failure._asdict()


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


_EVENTS = text(
    """
INSERT INTO events (id, at, workspace_id, message_id, campaign_id, subscriber_id, kind, label, data)
SELECT e.id, e.at, e.workspace_id, e.message_id, e.campaign_id, e.subscriber_id, e.kind, e.label, e.data
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e
    (id uuid, at timestamptz, workspace_id bigint, message_id bigint, campaign_id bigint, subscriber_id bigint,
     kind text, label text, data jsonb)
WHERE e.workspace_id = :workspace
ON CONFLICT DO NOTHING
"""
)

_TOLD = """
told AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t
        (message_id bigint, reason text, evidence text, at timestamptz)
)
"""

_BOUNCED = text(
    f"""
WITH {_TOLD}
UPDATE messages m SET state = 'bounced', reason = t.reason, changed_at = t.at FROM told t
WHERE m.id = t.message_id AND m.workspace_id = :workspace AND m.state = ANY(:states)
"""  # noqa: S608 - only constants of the house are put together
)

# In the order of the addresses, as far as the plan keeps it: two at once then wait for each other in no circle.
_GIVE_UP = text(
    f"""
WITH {_TOLD}, dead AS (
    SELECT m.workspace_id, m.id AS message_id, m.address, {provider_sql("m")} AS provider, t.reason, t.evidence,
           CAST(:now AS timestamptz) AS written_at
    FROM told t JOIN messages m ON m.id = t.message_id AND m.workspace_id = :workspace ORDER BY lower(m.address)
), {SUPPRESS_OR_HOLD}
"""  # noqa: S608
)

_HELD = text(
    f"""
WITH {_TOLD}
SELECT DISTINCT h.message_id FROM told t
JOIN held_suppressions h ON h.message_id = t.message_id AND h.workspace_id = :workspace AND h.suppression_id IS NULL
JOIN incidents i ON i.id = h.incident_id AND i.workspace_id = :workspace AND i.ended_at IS NULL
"""  # noqa: S608
)

_POINTS = text(
    f"""
WITH {_TOLD}, failed AS (
    SELECT m.workspace_id, m.id AS message_id, m.address, t.reason, t.evidence, t.at
    FROM told t JOIN messages m ON m.id = t.message_id AND m.workspace_id = :workspace ORDER BY lower(m.address)
)
{POINT}
"""  # noqa: S608
)

_RIPE = text(
    f"""
WITH {_TOLD}
SELECT t.message_id FROM told t
JOIN messages m ON m.id = t.message_id AND m.workspace_id = :workspace
JOIN workspaces w ON w.id = m.workspace_id
JOIN bounce_points p ON p.workspace_id = w.id
    AND p.address_hash = sha256(w.address_key || convert_to(lower(m.address), 'UTF8'))
    AND p.day >= CAST(:today AS date) - CAST(w.bounce_stale AS integer)
GROUP BY t.message_id, w.bounce_days HAVING count(*) >= greatest(w.bounce_days, 1)
"""  # noqa: S608
)

_FORGET = text(
    """
DELETE FROM bounce_points p
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (message_id bigint, day date), messages m, workspaces w
WHERE m.id = t.message_id AND m.workspace_id = :workspace AND w.id = m.workspace_id AND p.workspace_id = w.id
      AND p.address_hash = sha256(w.address_key || convert_to(lower(m.address), 'UTF8')) AND p.day <= t.day
"""
)
