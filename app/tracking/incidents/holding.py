"""What an incident holds: suppressions that wait for a decision, and those it wrote and can take back."""

from sqlalchemy import text

from app.core import clock
from app.core.database import db
from app.messages.dead_addresses import provider_sql
from app.tracking.models import Incident

DOUBTED = "onhold"
"""The reason of messages whose failure nobody believes: the cause is unclear."""


def take_in_written(incident: Incident) -> int:
    """Count suppressions of this sort that were written without it among what it can undo; returns how many."""
    return _run(_TAKE_IN, incident)


def write_held(incident: Incident) -> int:
    """Write what was held, except where the person gave a sign of life since; returns how many are new."""
    return _run(_WRITE, incident)


def lift_written(incident: Incident) -> int:
    """Lift every suppression that came from the incident, and no other; returns how many."""
    return _run(_LIFT, incident)


def doubt_failures(incident: Incident) -> int:
    """Note of its messages that nobody knows why they failed: they can be tried again then. Returns how many."""
    return _run(_DOUBT, incident)


def drop_points(incident: Incident) -> int:
    """Take back the days that its failures counted against addresses; returns how many."""
    return _run(_DROP_POINTS, incident)


def _run(statement: object, incident: Incident) -> int:
    binds = {
        "incident": incident.id,
        "workspace": incident.workspace_id,
        "provider": incident.provider,
        "reason": incident.reason,
        "began": incident.began_at,
        "ended": incident.ended_at,
        "now": clock.now(),
        "note": f"Lifted: undone with incident {incident.id}.",
    }
    return int(db.session.execute(statement, binds).rowcount)  # type: ignore[call-overload]


# By the events of its time, since suppressions are found by their hash only.
FAILED = f"""
failed AS (
    SELECT DISTINCT m.id, m.subscriber_id, m.address
    FROM campaigns c
    JOIN events e ON e.campaign_id = c.id AND e.kind = 'bounced' AND e.at >= :began
        AND e.at <= coalesce(CAST(:ended AS timestamptz), :now)
    JOIN messages m ON m.id = e.message_id
    WHERE c.workspace_id = :workspace AND e.workspace_id = :workspace AND e.data ->> 'reason' = :reason
          AND {provider_sql("m")} = :provider
)
"""  # noqa: S608 - only constants of the house are put together

_TAKE_IN = text(
    f"""
WITH {FAILED}
INSERT INTO held_suppressions
    (workspace_id, incident_id, message_id, address_hash, hint, reason, evidence, held_at, suppression_id)
SELECT s.workspace_id, :incident, f.id, s.address_hash, s.hint, s.reason, s.evidence, s.created_at, s.id
FROM failed f
JOIN workspaces w ON w.id = :workspace
JOIN suppressions s ON s.workspace_id = w.id
    AND s.address_hash = sha256(w.address_key || convert_to(lower(f.address), 'UTF8'))
    AND s.lifted_at IS NULL AND s.list_id IS NULL AND s.message_id = f.id AND s.reason = 'bounced'
ON CONFLICT (incident_id, message_id) DO UPDATE SET suppression_id = excluded.suppression_id
"""  # noqa: S608
)

_WRITE = text(
    """
WITH due AS (
    SELECT DISTINCT ON (h.address_hash) h.* FROM held_suppressions h
    LEFT JOIN messages m ON m.id = h.message_id
    WHERE h.incident_id = :incident AND h.workspace_id = :workspace AND h.suppression_id IS NULL
          AND NOT EXISTS (SELECT FROM events e
                          WHERE e.subscriber_id = m.subscriber_id AND e.at > h.held_at
                                AND (e.label = 'human' OR e.kind IN ('delivered', 'replied')))
    ORDER BY h.address_hash, h.id
), written AS (
    INSERT INTO suppressions (workspace_id, created_at, address_hash, hint, reason, evidence, message_id)
    SELECT workspace_id, :now, address_hash, hint, reason, evidence, message_id FROM due
    ON CONFLICT DO NOTHING RETURNING id, message_id
)
UPDATE held_suppressions h SET suppression_id = w.id FROM written w
WHERE h.incident_id = :incident AND h.message_id = w.message_id
"""
)

_LIFT = text(
    """
UPDATE suppressions s
SET lifted_at = :now, evidence = btrim(s.evidence || E'\n' || :note, E'\n')
FROM held_suppressions h
WHERE h.incident_id = :incident AND h.workspace_id = :workspace AND s.id = h.suppression_id
      AND s.workspace_id = :workspace AND s.lifted_at IS NULL
"""
)

_DOUBT = text(
    f"""
WITH {FAILED}
UPDATE messages m SET reason = '{DOUBTED}' FROM failed f
WHERE m.id = f.id AND m.workspace_id = :workspace AND m.state = 'bounced' AND m.reason = :reason
"""  # noqa: S608
)

_DROP_POINTS = text(
    f"""
WITH {FAILED}
DELETE FROM bounce_points p USING failed f, workspaces w
WHERE w.id = :workspace AND p.workspace_id = w.id AND p.message_id = f.id AND p.reason = :reason
      AND p.address_hash = sha256(w.address_key || convert_to(lower(f.address), 'UTF8'))
"""  # noqa: S608
)
