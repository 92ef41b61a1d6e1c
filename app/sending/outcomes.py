"""Write outcomes to the ledger, many at once; each message once, however often it is tried.

Every statement moves only messages that are `sending` in this run, and what follows (attempts, events, suppressions)
follows from the rows it moved. So a repeat after a lost connection, or a recovery beside it, changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import AsyncConnection

from app.mail.reasons import REASONS
from app.messages.dead_addresses import POINT, SCORED, SUPPRESS_OR_HOLD, provider_sql, quoted
from app.messages.lifecycle import State
from app.sending.verdicts import Outcome

# A server of theirs that is away for days says nothing of the address; a mailbox that stays full does.
_OF_ADDRESS = frozenset(word for word in SCORED if REASONS[word].scope == "address")

KEPT = "7 days"
"""After the first try of a message, for which a server that refuses everybody uses up none of its schedule."""
SOON, LATEST = 2.0, 1800.0
"""Seconds until such a message is tried again: at first, so that the next transport has it at once; and at most."""

# Hidden from the planner, which would else scan all outcomes once for each message that the run holds.
_OURS = "CASE WHEN m.run_id = %(run)s AND m.state = 'sending' THEN true ELSE false END"

_SENT = f"""
WITH o AS (
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(ats)s::float8[], %(codes)s::smallint[], %(statuses)s::text[], %(replies)s::text[]
    ) AS o (id, at, code, status, reply)
), moved AS (
    UPDATE messages m
    SET state = 'sent', reason = '', sent_at = to_timestamp(o.at), next_attempt_at = NULL, changed_at = now()
    FROM o WHERE m.id = o.id AND {_OURS}
    RETURNING m.id, m.workspace_id, m.campaign_id, o.at, o.code, o.status, o.reply
)
INSERT INTO attempts (at, workspace_id, message_id, campaign_id, run_id, transport, outcome, code, status, reply)
SELECT to_timestamp(at), workspace_id, id, campaign_id, %(run)s, %(transport)s, 'sent', code, status, reply FROM moved
"""  # noqa: S608 - only constants of this file are put together

_OTHERS = f"""
WITH o AS (
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(ats)s::float8[], %(codes)s::smallint[], %(statuses)s::text[], %(replies)s::text[],
        %(states)s::text[], %(reasons)s::text[], %(dead)s::boolean[], %(paced)s::float8[],
        %(kept)s::boolean[]
    ) AS o (id, at, code, status, reply, state, reason, dead, paced, kept)
), settled AS MATERIALIZED (
    SELECT o.*, m.attempts, before.tries, before.is_spared,
           -- Who waits for the pace is tried as often as that takes, but no longer than the schedule lasts.
           CASE WHEN o.state = 'deferred' AND NOT before.is_spared AND m.attempts > cardinality(%(waits)s::float8[])
                     AND (o.paced = 0 OR (SELECT min(a.at) FROM attempts a WHERE a.message_id = m.id)
                                         < to_timestamp(o.at) - make_interval(secs => %(lasts)s)) THEN 'failed'
                ELSE o.state END AS becomes
    FROM o JOIN messages m ON m.id = o.id, LATERAL (
        -- A server that refuses everybody says nothing of the person: no try of the schedule is used up by it.
        SELECT count(*) AS tries,
               o.kept AND coalesce(min(a.at) > to_timestamp(o.at) - interval '{KEPT}', true) AS is_spared
        FROM attempts a WHERE o.kept AND a.message_id = o.id
    ) before
), moved AS (
    UPDATE messages m
    SET state = s.becomes,
        reason = CASE WHEN s.becomes = 'failed' AND s.state = 'deferred' THEN 'expired' ELSE s.reason END,
        sent_at = CASE WHEN s.becomes = 'sent' THEN to_timestamp(s.at) END,
        next_attempt_at = CASE WHEN s.becomes = 'deferred' THEN
            to_timestamp(s.at) + make_interval(secs => CASE
                WHEN s.is_spared THEN least({SOON} * 2 ^ least(s.tries, 12), {LATEST}) WHEN s.paced > 0 THEN s.paced
                ELSE (%(waits)s::float8[])[m.attempts] * (0.9 + 0.2 * random()) END) END,
        attempts = m.attempts - s.is_spared::int, changed_at = now()
    FROM settled s WHERE m.id = s.id AND {_OURS}
    RETURNING m.id, m.workspace_id, m.campaign_id, m.subscriber_id, m.address, {provider_sql("m")} AS provider,
              s.at, s.code, s.status, s.reply, s.reason, s.dead, s.becomes, s.state AS told, s.kept
), tried AS (
    INSERT INTO attempts (at, workspace_id, message_id, campaign_id, run_id, transport, outcome, code, status,
                          reply, reason)
    SELECT to_timestamp(at), workspace_id, id, campaign_id, %(run)s, %(transport)s, becomes, nullif(code, 0), status,
           reply, reason
    FROM moved WHERE becomes <> 'skipped'
), told AS (
    INSERT INTO events (id, at, workspace_id, message_id, campaign_id, subscriber_id, kind, data)
    SELECT gen_random_uuid(), to_timestamp(at), workspace_id, id, campaign_id, subscriber_id, becomes,
           jsonb_build_object('reason', reason, 'code', nullif(code, 0), 'status', status)
    FROM moved WHERE becomes IN ('deferred', 'bounced') AND NOT kept
), failed AS (
    SELECT workspace_id, id AS message_id, address, reason, code || ' ' || reply AS evidence, to_timestamp(at) AS at
    FROM moved WHERE subscriber_id IS NOT NULL AND (
        becomes = 'bounced' AND NOT dead AND reason IN ({quoted(SCORED)})
        -- Put off until the schedule was over: here `reason` is still the last one, where the ledger says `expired`.
        OR becomes = 'failed' AND told = 'deferred' AND reason IN ({quoted(_OF_ADDRESS)}))
), pointed AS ({POINT}), dead AS (
    SELECT workspace_id, id AS message_id, address, provider, reason, code || ' ' || reply AS evidence,
           now() AS written_at
    FROM moved WHERE dead AND becomes = 'bounced'
), {SUPPRESS_OR_HOLD}
"""  # noqa: S608


class Ledger:
    """Writes the outcomes of one run."""

    def __init__(self, run_id: int, transport: str, waits: Sequence[float]) -> None:
        self._run = run_id
        self._transport = transport
        self._waits = list(waits)

    async def write(self, connection: AsyncConnection[Any], outcomes: Sequence[Outcome]) -> None:
        """Write outcomes; safe to repeat. Raises psycopg.OperationalError when the database does not answer."""
        sent = [outcome for outcome in outcomes if outcome.state is State.SENT]
        others = [outcome for outcome in outcomes if outcome.state is not State.SENT]
        if sent:
            await connection.execute(_SENT, self._binds(sent))
        if others:
            await connection.execute(_OTHERS, {**self._binds(others), **self._more_binds(others)})

    def _binds(self, outcomes: Sequence[Outcome]) -> dict[str, object]:
        return {
            "run": self._run,
            "transport": self._transport,
            "ids": numbers([outcome.message_id for outcome in outcomes]),
            "ats": numbers([outcome.at for outcome in outcomes]),
            "codes": numbers([outcome.code for outcome in outcomes]),
            "statuses": texts([outcome.status for outcome in outcomes]),
            "replies": texts([outcome.reply for outcome in outcomes]),
        }

    def _more_binds(self, outcomes: Sequence[Outcome]) -> dict[str, object]:
        return {
            "states": texts([outcome.state for outcome in outcomes]),
            "reasons": texts([outcome.reason for outcome in outcomes]),
            "dead": "{" + ",".join(["t" if outcome.suppress else "f" for outcome in outcomes]) + "}",
            "paced": numbers([outcome.wait for outcome in outcomes]),
            "kept": "{" + ",".join(["t" if outcome.is_kept else "f" for outcome in outcomes]) + "}",
            "waits": numbers(self._waits),
            "lasts": float(sum(self._waits)),
        }


def numbers(values: Iterable[float | None]) -> str:
    """A PostgreSQL array of numbers; much cheaper than dumping a list item by item."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def texts(values: Sequence[str]) -> str:
    """A PostgreSQL array of texts, without NUL, which it cannot hold."""
    joined = "\0".join(values)
    if joined.count("\0") >= len(values):
        joined = "\0".join([value.replace("\0", " ") for value in values])
    if "\\" in joined or '"' in joined:
        joined = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace("\0", '","') + '"}' if values else "{}"
