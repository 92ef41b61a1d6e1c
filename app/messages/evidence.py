"""Evidence that settles a doubt: what came back from a message of which nobody knows whether it arrived.

Only facts after the last certain answer count; a machine's look is none, since a gateway looks before it answers.
"""

from collections.abc import Iterable

from sqlalchemy import TextClause, text

from app.core.database import db

PROOF = """
    e.label = 'human' OR e.kind IN ('unsubscribed', 'complained', 'delivered', 'replied', 'auto-replied', 'bounced')
"""
"""The events that prove what became of a message, in SQL; `e` is the event."""

_SETTLE = f"""
WITH doubtful AS MATERIALIZED (
    SELECT m.id,
           (SELECT max(a.at) FROM attempts a WHERE a.message_id = m.id AND a.outcome <> 'uncertain') AS certain,
           (SELECT max(a.at) FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'uncertain') AS doubted
    FROM messages m WHERE m.state = 'uncertain' AND WHICH
), proof AS (
    SELECT d.id, d.doubted, min(e.at) AS at, (array_agg(e.kind ORDER BY e.at))[1] AS kind,
           bool_or(e.kind = 'bounced') AS is_back,
           coalesce(max(e.data ->> 'reason') FILTER (WHERE e.kind = 'bounced'), '') AS why
    FROM doubtful d JOIN events e ON e.message_id = d.id AND e.at > coalesce(d.certain, '-infinity')
    WHERE {PROOF} GROUP BY d.id, d.doubted
), moved AS (
    UPDATE messages m
    SET state = CASE WHEN p.is_back THEN 'bounced' ELSE 'sent' END, reason = p.why,
        sent_at = coalesce(m.sent_at, p.doubted, m.changed_at), next_attempt_at = NULL, changed_at = now()
    FROM proof p WHERE m.id = p.id AND m.state = 'uncertain'
    RETURNING m.id, m.workspace_id, m.campaign_id, m.state, m.reason, p.at, p.kind
)
INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, reply, reason)
SELECT now(), workspace_id, id, campaign_id, '', state,
       'Settled by evidence: ' || kind || ', ' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC.',
       'evidence'
FROM moved
"""  # noqa: S608 - only constants of this file are put together

_OF_MESSAGES = text(_SETTLE.replace("WHICH", "m.id = ANY(:ids)"))
_OF_CAMPAIGNS = text(_SETTLE.replace("WHICH", "m.campaign_id = ANY(:ids)"))


def settle_messages(ids: Iterable[int]) -> int:
    """Settle those of these messages that are in doubt and have given a sign; returns how many. Safe to repeat."""
    return _settled(_OF_MESSAGES, ids)


def settle_campaigns(ids: Iterable[int]) -> int:
    """The same for whole campaigns: a sign may have come before the doubt was known."""
    return _settled(_OF_CAMPAIGNS, ids)


def _settled(statement: TextClause, ids: Iterable[int]) -> int:
    if not (wanted := list(ids)):
        return 0
    return int(db.session.execute(statement, {"ids": wanted}).rowcount)  # type: ignore[attr-defined]
