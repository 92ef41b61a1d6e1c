"""The first half: is the call the provider's, and if so, its events into their table. Nothing is made of them yet."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from app.core.errors import Unavailable
from app.tracking.webhooks.calls import Call, Item, Once, Refused
from app.tracking.webhooks.desk import Desk, Hook
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.reading import MOST, read_json, storable, too_many

SEEN_EVERY = timedelta(seconds=10)
"""How exactly `heard_at` is kept: a row that every call writes to would have them wait for each other."""
LONGEST_TYPE = 100


class Taken(NamedTuple):
    """How many events a call held, and how many of them were new."""

    events: int
    new: int


class _Changed(Exception):
    """The webhook is not what the call was verified by any more."""


def take(desk: Desk, public_id: str, call: Call) -> Taken:
    """Verify a call and store its events; they are committed when this comes back.

    Raises NotFound, Refused, Unreadable, Unavailable, TemporaryFailure.
    """
    known = desk.recall(public_id)
    try:
        return _take(desk, public_id, known or desk.look_up(public_id), call)
    except (Refused, _Changed):
        if known is None:
            raise
    try:
        return _take(desk, public_id, desk.look_up(public_id), call)
    except _Changed as error:
        raise Unavailable("The webhook is being changed. Nothing was stored; try again in a moment.") from error


def open_call(hook: Hook, call: Call) -> tuple[list[Item], Once | None]:
    """The events of a call that is the provider's, and what opens for them alone.

    Raises Refused, Unreadable, Unavailable.
    """
    kind, lock = KINDS[hook.kind], hook.lock
    if not (lock.options.get("topic") if kind.has_topic else lock.secret):
        raise Refused("This webhook is not complete: what proves the calls was not entered yet. Nothing was stored.")
    if kind.verify_bytes:
        kind.verify_bytes(call, lock)
    body = read_json(call.body, call.headers.get("content-type", ""))
    if kind.verify_body:
        kind.verify_body(call, lock, body)
    items = list(islice(kind.split(call, body), MOST + 1))
    if len(items) > MOST:
        raise too_many()
    return items, kind.once(call, lock, body) if kind.once else None


def count_refusal(desk: Desk, public_id: str, why: str, at: datetime) -> None:
    """Note that a call was sent away."""
    desk.run(_REFUSED, {"public_id": public_id, "why": f"{at:%Y-%m-%d %H:%M:%S} UTC: {why}"})


def _take(desk: Desk, public_id: str, hook: Hook, call: Call) -> Taken:
    items, once = open_call(hook, call)
    rows = [{"key": item.key, "type": item.type[:LONGEST_TYPE], "body": item.body} for item in items]
    values: dict[str, Any] = {"webhook": hook.id, "workspace": hook.workspace_id, "at": call.at}
    values |= {"sealed": hook.sealed, "topic": hook.topic, "events": storable(rows)}
    values |= once._asdict() if once else {}
    is_same, is_open, new = desk.run(_STORE_ONCE if once else _STORE, values)[0]
    if not is_same:
        raise _Changed
    if not is_open:
        raise Refused("This token came before, with another event. Nothing was stored.")
    if hook.heard_at is None or hook.heard_at < call.at - SEEN_EVERY:
        desk.run(
            _HEARD, {"webhook": hook.id, "workspace": hook.workspace_id, "at": call.at, "before": call.at - SEEN_EVERY}
        )
        desk.remember(public_id, hook._replace(heard_at=call.at))
    return Taken(len(items), new)


_HOOK = """
WITH hook AS (
    SELECT id, workspace_id FROM webhooks
    WHERE id = %(webhook)s AND workspace_id = %(workspace)s AND is_enabled
          AND secret_sealed IS NOT DISTINCT FROM %(sealed)s
          AND options ->> 'topic' IS NOT DISTINCT FROM CAST(%(topic)s AS text)
),
"""

_OPEN = "opened AS (SELECT id, workspace_id FROM hook),"

# The conflict is judged on the row as it is then, even one that was not there when the statement began: of two calls
# at once with one token, the second waits and sees with what the first came.
_OPEN_ONCE = """
spent AS (
    INSERT INTO webhook_tokens AS t (digest, call, forget_at)
    SELECT %(digest)s, %(call)s, %(forget_at)s FROM hook
    ON CONFLICT (digest) DO UPDATE SET forget_at = excluded.forget_at WHERE t.call = excluded.call
    RETURNING digest
), opened AS (SELECT h.id, h.workspace_id FROM hook h, spent),
"""

# In the order of their keys: two calls with the same events then wait for each other, and never in a circle.
_EVENTS = """
stored AS (
    INSERT INTO webhook_events (webhook_id, workspace_id, key, received_at, type, body)
    SELECT o.id, o.workspace_id, e.key, %(at)s, e.type, e.body
    FROM opened o, jsonb_to_recordset(CAST(%(events)s AS jsonb)) AS e (key text, type text, body jsonb) ORDER BY e.key
    ON CONFLICT (webhook_id, key) DO NOTHING
    RETURNING id
)
SELECT EXISTS (SELECT FROM hook), EXISTS (SELECT FROM opened), (SELECT count(*) FROM stored)
"""

_STORE = _HOOK + _OPEN + _EVENTS
_STORE_ONCE = _HOOK + _OPEN_ONCE + _EVENTS

_HEARD = """
UPDATE webhooks SET heard_at = %(at)s
WHERE id = %(webhook)s AND workspace_id = %(workspace)s AND (heard_at IS NULL OR heard_at < %(before)s) RETURNING id
"""

_REFUSED = """
UPDATE webhooks SET refused = refused + 1, last_refusal = %(why)s WHERE public_id = %(public_id)s RETURNING id
"""
