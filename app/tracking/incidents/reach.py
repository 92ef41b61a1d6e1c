"""Whom an incident concerns: the messages that failed for its reason at its provider, in its time.

A message is of one incident: where two of a sort reach into the same time, of that which holds it.
"""

from datetime import datetime

from sqlalchemy import text

from app.core import clock
from app.core.database import db
from app.messages.dead_addresses import provider_sql
from app.tracking.models import Incident


def binds_of(incident: Incident) -> dict[str, object]:
    """What a statement about the failures of an incident has to know: whose they are, and from when until when."""
    now = clock.now()
    binds = {
        "workspace": incident.workspace_id,
        "provider": incident.provider,
        "reason": incident.reason,
        "began": incident.began_at,
        "until": min(incident.ended_at or now, incident.last_at or now),
        "incident": incident.id,
    }
    return binds | {"others": list(db.session.scalars(_OTHERS, binds))}


def count_undecided(incident: Incident, since: datetime, until: datetime) -> int:
    """Messages of the same sort that failed in that time, without those that an incident holds which was believed."""
    binds = binds_of(incident) | {"began": since, "until": until, "incident": None}
    return int(db.session.execute(_COUNT, binds | {"others": list(db.session.scalars(_OTHERS, binds))}).scalar_one())


def concerned(incident: Incident) -> list[int]:
    """The messages of its failures and of what it holds, in their order: those of whoever locks several of them."""
    return list(db.session.scalars(_CONCERNED, binds_of(incident)))


def follow_held(incident: Incident) -> None:
    """Let the incident reach as far as what it holds: failures told late may lie before or after those it knows of."""
    row = db.session.execute(_REACH, binds_of(incident)).one()
    if row.heard is None:
        return
    incident.began_at, incident.seen_at = min(incident.began_at, row.first), max(incident.seen_at, row.heard)
    if incident.last_at is not None:
        incident.last_at = max(incident.last_at, row.last)


def of_provider(message: str) -> str:
    """Whether a message is of the incident's provider, in SQL; `message` is its alias.

    Also while the provider was not known, and the incident is one of its domain: it may have been found out since.
    """
    domain = f"lower(substring({message}.address from '[^@]*$'))"
    unknown = f"({message}.provider IN ('', 'none') AND {domain} = :provider)"
    return f"({provider_sql(message)} = :provider OR {unknown})"


# By the events of its time, since suppressions are found by their hash only. Right after a burst the planner knows
# nothing of its thousands of rows, so each message is fetched by its number: a join may compare all with all.
FAILED = f"""
failed AS MATERIALIZED (
    SELECT DISTINCT m.id, m.state, m.reason
    FROM campaigns c
    JOIN events e ON e.campaign_id = c.id AND e.kind = 'bounced' AND e.at >= :began AND e.at <= :until
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = e.message_id OFFSET 0) m
    WHERE c.workspace_id = :workspace AND e.workspace_id = :workspace AND m.workspace_id = :workspace
          AND e.data ->> 'reason' = :reason AND {of_provider("m")}
          AND (SELECT o.id FROM held_suppressions o
               WHERE o.incident_id = ANY(:others) AND o.message_id = e.message_id LIMIT 1) IS NULL
)
"""  # noqa: S608 - only constants of the house are put together

# Incidents of the same sort in the same time: what was believed with an earlier one, or is held by a later one, is
# theirs. Without a number, those that were believed.
_OTHERS = text(
    """
SELECT id FROM incidents
WHERE workspace_id = :workspace AND kind = 'burst' AND provider = :provider AND reason = :reason
      AND (decision = 'believed' AND id IS DISTINCT FROM CAST(:incident AS bigint) OR id > :incident)
      AND began_at <= :until AND coalesce(least(ended_at, last_at), 'infinity') >= :began
"""
)

_COUNT = text(f"WITH {FAILED} SELECT count(*) FROM failed")  # noqa: S608

_CONCERNED = text(
    f"""
WITH {FAILED}
SELECT id FROM failed
UNION SELECT message_id FROM held_suppressions WHERE incident_id = :incident AND workspace_id = :workspace
ORDER BY 1
"""  # noqa: S608
)

# Of each message the latest failure: an earlier one may have been believed, or discarded with another incident.
_REACH = text(
    """
SELECT min(last.at) AS first, max(last.at) AS last, max(h.held_at) AS heard
FROM held_suppressions h
CROSS JOIN LATERAL (SELECT max(e.at) AS at FROM events e
                    WHERE e.message_id = h.message_id AND e.kind = 'bounced' AND e.data ->> 'reason' = :reason) last
WHERE h.incident_id = :incident AND h.workspace_id = :workspace AND last.at IS NOT NULL
"""
)
