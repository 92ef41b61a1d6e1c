"""The first half: is the call the provider's, and if so, its events into their table. Nothing is made of them yet."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Row, select, text

from app.core.database import db, every_workspace
from app.core.errors import NotFound
from app.core.tokens import Keyring
from app.tracking.models import Webhook
from app.tracking.webhooks.calls import Call, Item, Lock, Refused
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.reading import read_json, storable
from app.tracking.webhooks.setup import secret_of

SEEN_EVERY = timedelta(seconds=10)
"""How exactly `heard_at` is kept: a row that every call writes to would have them wait for each other."""
LONGEST_TYPE = 100

Hook = Row[tuple[int, int, str, bytes | None, dict[str, object], bool, datetime | None]]

# In the order of their keys: two calls with the same events then wait for each other, and never in a circle.
_STORE = text(
    """
    INSERT INTO webhook_events (webhook_id, workspace_id, key, received_at, type, body)
    SELECT :webhook, :workspace, e.key, :at, e.type, e.body
    FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e (key text, type text, body jsonb) ORDER BY e.key
    ON CONFLICT (webhook_id, key) DO NOTHING
    """
)
_HEARD = text(
    "UPDATE webhooks SET heard_at = :at WHERE id = :webhook AND workspace_id = :workspace "
    "AND (heard_at IS NULL OR heard_at < :before)"
)
_REFUSED = text(
    "UPDATE webhooks SET refused = refused + 1, last_refusal = :why WHERE id = :webhook AND workspace_id = :workspace"
)


class Taken(NamedTuple):
    """How many events a call held, and how many of them were new."""

    events: int
    new: int


def find_hook(public_id: str) -> Hook:
    """The webhook at an address. Raises NotFound when there is none, or when it is switched off."""
    columns = (
        Webhook.id,
        Webhook.workspace_id,
        Webhook.kind,
        Webhook.secret_sealed,
        Webhook.options,
        Webhook.is_enabled,
        Webhook.heard_at,
    )
    with every_workspace():
        hook = db.session.execute(select(*columns).where(Webhook.public_id == public_id)).one_or_none()
    if hook is None or not hook.is_enabled:
        raise NotFound("There is no webhook at this address, or it is switched off. Nothing was stored.")
    return hook


def take(keyring: Keyring, hook: Hook, call: Call) -> Taken:
    """Verify a call and store its events; nothing is committed. Raises Refused, Unreadable, Unavailable."""
    items = open_call(keyring, hook, call)
    new = _store(hook, items, call.at) if items else 0
    if hook.heard_at is None or hook.heard_at < call.at - SEEN_EVERY:
        values = {"at": call.at, "before": call.at - SEEN_EVERY}
        db.session.execute(_HEARD, {"webhook": hook.id, "workspace": hook.workspace_id, **values})
    return Taken(len(items), new)


def open_call(keyring: Keyring, hook: Hook, call: Call) -> list[Item]:
    """The events of a call that is the provider's. Raises Refused, Unreadable, Unavailable."""
    kind = KINDS[hook.kind]
    lock = Lock(hook.id, secret_of(keyring, hook.secret_sealed), hook.options)
    if not (lock.options.get("topic") if kind.has_topic else lock.secret):
        raise Refused("This webhook is not complete: what proves the calls was not entered yet. Nothing was stored.")
    if kind.verify_bytes:
        kind.verify_bytes(call, lock)
    body = read_json(call.body)
    if kind.verify_body:
        kind.verify_body(call, lock, body)
    return list(kind.split(call, body))


def count_refusal(hook: Hook, why: str, at: datetime) -> None:
    """Note that a call was sent away; nothing is committed."""
    words = f"{at:%Y-%m-%d %H:%M:%S} UTC: {why}"
    db.session.execute(_REFUSED, {"webhook": hook.id, "workspace": hook.workspace_id, "why": words})


def _store(hook: Hook, items: list[Item], at: datetime) -> int:
    rows = [{"key": item.key, "type": item.type[:LONGEST_TYPE], "body": item.body} for item in items]
    values = {"webhook": hook.id, "workspace": hook.workspace_id, "at": at, "events": storable(rows)}
    return int(db.session.execute(_STORE, values).rowcount)  # type: ignore[attr-defined]
