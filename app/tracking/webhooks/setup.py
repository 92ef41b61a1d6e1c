"""Webhooks of the workspace in scope: add, give a secret, switch, remove. Nothing is committed here."""

from secrets import token_urlsafe

from sqlalchemy import select

from app.core.database import current_workspace_id, db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.sealing import seal_text, unseal_text
from app.core.tokens import Keyring
from app.tracking.models import Webhook
from app.tracking.webhooks.kinds import KINDS

PURPOSE = b"webhook-secret"
MOST = 50
LONGEST_NAME = 100


def add_webhook(keyring: Keyring, kind: str, name: str = "") -> tuple[Webhook, str]:
    """A new webhook and the secret made for it; empty where the provider makes it. Raises Invalid, Conflict."""
    if kind not in KINDS:
        raise Invalid("There is no such kind of webhook. Nothing was added.", field="kind")
    if len(all_webhooks()) >= MOST:
        raise Conflict(f"A workspace has at most {MOST} webhooks. Nothing was added; remove one first.")
    hook = Webhook(
        workspace_id=current_workspace_id(),
        kind=kind,
        name=name.strip()[:LONGEST_NAME] or KINDS[kind].title,
        public_id=token_urlsafe(16),
    )
    db.session.add(hook)
    db.session.flush()
    return hook, rotate(keyring, hook) if KINDS[kind].makes_secret else ""


def rotate(keyring: Keyring, hook: Webhook) -> str:
    """A new secret made by us; the old one ends now. Raises Conflict where the provider makes it."""
    if not KINDS[hook.kind].makes_secret:
        raise Conflict(f"{KINDS[hook.kind].title} makes this secret. Nothing was changed; enter the new one.")
    secret = token_urlsafe(24)
    hook.secret_sealed = seal_text(keyring, PURPOSE, secret)
    return secret


def enter(keyring: Keyring, hook: Webhook, text: str) -> None:
    """Keep what the provider shows: its secret, its public key, or the topic. Raises Invalid."""
    kind = KINDS[hook.kind]
    if kind.check is None:
        raise Conflict("We make this secret ourselves. Nothing was changed.")
    given = text.strip()
    kind.check(given)
    if kind.has_topic:
        hook.options = {**hook.options, "topic": given}
    else:
        hook.secret_sealed = seal_text(keyring, PURPOSE, given)


def secret_of(keyring: Keyring, sealed: bytes | None) -> str:
    """The secret; empty when none was entered."""
    return unseal_text(keyring, PURPOSE, sealed) if sealed else ""


def is_complete(hook: Webhook) -> bool:
    """Whether calls can be verified."""
    return bool(hook.options.get("topic") if KINDS[hook.kind].has_topic else hook.secret_sealed)


def all_webhooks() -> list[Webhook]:
    """Those of the workspace, in the order in which they were added."""
    return list(db.session.scalars(select(Webhook).order_by(Webhook.id)))


def get_webhook(webhook_id: int) -> Webhook:
    """One of them. Raises NotFound."""
    hook = db.session.scalar(select(Webhook).where(Webhook.id == webhook_id))
    if hook is None:
        raise NotFound("This webhook does not exist.")
    return hook
