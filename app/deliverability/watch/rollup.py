"""The hourly counts, made from attempts and events by counting whole hours anew: a repeat changes nothing.

An event counts in the hour in which it happened, not in that of the sending. Of each kind, a message's first counts:
somebody who clicks five links is one person, and a complaint that comes by two ways is one complaint. What was heard
counts for the transport by which that very attempt went, whatever the message was tried by since. A deferral that
speaks of the transport alone counts for no mailbox provider.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.core import clock
from app.core.database import db
from app.core.extensions import settings
from app.mail.reasons import OF_US, REASONS
from app.messages.dead_addresses import provider_sql
from app.messages.handed_over import is_handed_over, nearest_first
from app.messages.of_transport import is_of_transport
from app.tracking.incidents.holding import DOUBTED

LATELY = timedelta(hours=3)
"""Counted anew every few minutes."""
LATE = timedelta(days=2)
"""Counted anew each hour, for reports that came long after what they report."""

OF_ADDRESS = frozenset({"address", "domain"})

_LOCK = 7_382_190_451


def recount(since: datetime, until: datetime | None = None) -> int:
    """Count whole hours anew, from that of `since` to before that of `until`, in every workspace; flushes.

    Returns the rows written.
    """
    span = {"start": _hour(since), "stop": _hour(until or clock.now() + timedelta(hours=1))}
    db.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    db.session.execute(text("DELETE FROM watch_hours WHERE hour >= :start AND hour < :stop"), span)
    scopes = {"of_sender": list(OF_US), "of_address": list(OF_ADDRESS)}
    words = {"words": list(REASONS), "scopes": [reason.scope for reason in REASONS.values()]}
    written = db.session.execute(text(COUNT), {**span, **scopes, **words})
    return written.rowcount  # type: ignore[attr-defined, no-any-return]


def recount_lately(span: timedelta = LATELY) -> int:
    """Count the latest hours anew."""
    return recount(clock.now() - span)


def recount_former() -> int:
    """Count anew the latest month that a former release counted, by other rules; flushes. Returns the rows written.

    What happened before the oldest attempt that is kept stays as it was counted.
    """
    latest = db.session.scalar(text("SELECT max(hour) FROM watch_hours WHERE own IS NULL"))
    if latest is None:
        return 0
    first = _first()
    if first is None or latest < _hour(first):
        db.session.execute(text("UPDATE watch_hours SET own = 0, late = 0 WHERE own IS NULL"))
        return 0
    month = latest.astimezone(UTC).replace(day=1, hour=0)
    return recount(max(month, first), (month + timedelta(days=32)).replace(day=1))


def recount_all() -> int:
    """Count everything anew, month by month as the tables are partitioned; commits after each. Returns the rows."""
    first = _first()
    db.session.execute(text("DELETE FROM watch_hours WHERE hour < :first"), {"first": first or clock.now()})
    # What is older than what is kept would be dropped again within the hour.
    begin = max(first or clock.now(), clock.now() - timedelta(days=settings().watch_days))
    rows, month = 0, begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= clock.now():
        following = (month + timedelta(days=32)).replace(day=1)
        rows += recount(month, following)
        db.session.commit()
        month = following
    return rows


def _first() -> datetime | None:
    oldest = "SELECT least((SELECT min(at) FROM attempts), (SELECT min(at) FROM events))"
    first: datetime | None = db.session.scalar(text(oldest))
    return first


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


# As incidents name them; domains that take no mail stay together, since most of them are slips of the pen.
_PROVIDER = f"CASE WHEN m.provider = 'none' THEN 'none' ELSE {provider_sql('m')} END"

# "7 mail.example.com:587": the transport's number, unless it is the installation's own, and where it stood then. Two of
# them may stand at one place, and one may move.
_WAY = "concat(r.transport_id || ' ', a.transport)"

# An API takes a message before any mailbox provider has seen it: what it puts off is its own matter as well.
_OF_TRANSPORT = f"({is_of_transport('a')} OR (a.outcome = 'deferred' AND t.kind <> 'smtp'))"

# A refusal with 5xx that speaks of us is kept as deferred, so that the person gets the mail after the repair; for the
# watch it is what it is, a refusal. A bounce that an owner did not believe is one of no known scope.
COUNT = f"""
WITH scope AS (
    SELECT * FROM unnest(CAST(:words AS text[]), CAST(:scopes AS text[])) AS s (word, scope)
), tried AS (
    SELECT a.workspace_id, a.campaign_id, {_PROVIDER} AS provider, {_WAY} AS transport, a.at, a.outcome,
           {_OF_TRANSPORT} IS TRUE AS is_own,
           a.outcome = 'deferred' AND a.code >= 500 AND scope.scope = ANY(:of_sender) AS is_refusal,
           CASE WHEN a.outcome = 'sent' AND m.attempts > 1 THEN extract(epoch FROM a.at - (
               SELECT min(f.at) FROM attempts f WHERE f.message_id = a.message_id)) ELSE 0 END AS wait
    FROM attempts a JOIN messages m ON m.id = a.message_id LEFT JOIN scope ON scope.word = a.reason
         LEFT JOIN runs r ON r.id = a.run_id LEFT JOIN transports t ON t.id = r.transport_id
    WHERE a.at >= :start AND a.at < :stop AND a.outcome IN ('sent', 'deferred')
), heard AS (
    SELECT DISTINCT e.message_id FROM events e
    WHERE e.at >= :start AND e.at < :stop AND e.kind IN ('bounced', 'complained', 'clicked', 'unsubscribed')
), firsts AS (
    SELECT DISTINCT ON (e.message_id, e.kind)
           e.workspace_id, e.campaign_id, e.message_id, e.kind, e.at, e.data,
           coalesce(nullif(e.data->>'scope', ''), scope.scope, '') AS scope
    FROM events e JOIN heard USING (message_id) LEFT JOIN scope ON scope.word = e.data->>'reason'
    WHERE e.kind IN ('bounced', 'complained', 'unsubscribed') OR (e.kind = 'clicked' AND e.label = 'human')
    ORDER BY e.message_id, e.kind, e.at, e.id
), ways AS (
    SELECT DISTINCT ON (e.message_id, e.kind) e.message_id, e.kind, {_WAY} AS transport,
           e.kind = 'bounced' AND a.outcome = 'sent' AS is_late
    FROM firsts e JOIN attempts a ON a.message_id = e.message_id AND {is_handed_over("a")}
         LEFT JOIN runs r ON r.id = a.run_id
    WHERE e.at >= :start AND e.at < :stop
    ORDER BY e.message_id, e.kind, {nearest_first("e", "a")}
), facts AS (
    SELECT workspace_id, campaign_id, provider, transport, date_trunc('hour', at, 'UTC') AS hour,
           (outcome = 'sent')::int AS sent, (outcome = 'deferred' AND NOT is_own AND NOT refused)::int AS deferred,
           (outcome = 'deferred' AND is_own)::int AS own, 0 AS bounced_address, refused::int AS bounced_sender,
           0 AS bounced_other, 0 AS late, 0 AS complained, 0 AS clicked, 0 AS unsubscribed,
           greatest(wait, 0)::float8 AS wait
    FROM tried, LATERAL (SELECT is_refusal IS TRUE AND NOT is_own AS refused) judged
    UNION ALL
    SELECT e.workspace_id, e.campaign_id, {_PROVIDER}, coalesce(ways.transport, ''), date_trunc('hour', e.at, 'UTC'),
           0, 0, 0, (e.kind = 'bounced' AND believed.scope = ANY(:of_address))::int,
           (e.kind = 'bounced' AND believed.scope = ANY(:of_sender))::int,
           (e.kind = 'bounced'
            AND believed.scope <> ALL(CAST(:of_address AS text[]) || CAST(:of_sender AS text[])))::int,
           (ways.is_late IS TRUE)::int, (e.kind = 'complained')::int, (e.kind = 'clicked')::int,
           (e.kind = 'unsubscribed')::int, 0
    FROM firsts e JOIN messages m ON m.id = e.message_id
         LEFT JOIN ways ON ways.message_id = e.message_id AND ways.kind = e.kind,
         LATERAL (SELECT CASE WHEN m.reason = '{DOUBTED}' THEN 'unknown' ELSE e.scope END AS scope) believed
    WHERE e.at >= :start AND e.at < :stop
)
INSERT INTO watch_hours (workspace_id, hour, campaign_id, provider, transport, domain, sent, deferred, own,
                         bounced_address, bounced_sender, bounced_other, late, complained, clicked, unsubscribed,
                         wait_seconds)
SELECT f.workspace_id, f.hour, f.campaign_id, f.provider, f.transport,
       min(lower(split_part(c.from_email, '@', 2))), sum(f.sent), sum(f.deferred), sum(f.own),
       sum(f.bounced_address), sum(f.bounced_sender), sum(f.bounced_other), sum(f.late),
       sum(f.complained), sum(f.clicked), sum(f.unsubscribed), sum(f.wait)
FROM facts f JOIN campaigns c ON c.id = f.campaign_id AND c.workspace_id = f.workspace_id
GROUP BY f.workspace_id, f.hour, f.campaign_id, f.provider, f.transport
"""  # noqa: S608 - only constants of the house are put together
