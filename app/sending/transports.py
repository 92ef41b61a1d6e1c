"""The ways out of a workspace: SMTP accounts and providers' APIs, or the installation's own when it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import select, text

from app.core import clock
from app.core.database import current_workspace_id, db, in_workspace
from app.core.errors import Conflict, NotFound, SettingsError
from app.core.settings import Settings
from app.core.tokens import Keyring
from app.sending.account import MESSAGES_PER_CONNECTION, Account, Security, read_smtp_url
from app.sending.apis.account import ApiAccount
from app.sending.models import Transport
from app.sending.seal import seal, unseal

AnyAccount = Account | ApiAccount

_CHOSEN_BY = text(
    """
    SELECT name FROM campaigns WHERE workspace_id = :workspace AND transport_id = :transport
           AND state IN ('scheduled', 'launching', 'holding', 'sending', 'paused') ORDER BY id LIMIT 3
    """
)


@dataclass(frozen=True, slots=True)
class TransportRow:
    """What a transport's row says of how to reach it."""

    id: int
    name: str
    kind: str
    host: str
    port: int
    security: str
    username: str
    password_sealed: bytes | None
    options: Mapping[str, Any]
    limits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TransportFields:
    """A transport as its owner fills it in. An empty password keeps the one there is."""

    name: str
    kind: str = "smtp"
    host: str = ""
    port: int = 0
    security: str = "tls"
    username: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    stream: str = ""
    tier: int = 1
    weight: int = 1
    signs: bool = False


def list_transports() -> Sequence[Transport]:
    """Those of the workspace in scope, in the order in which they are used."""
    order = (Transport.tier, Transport.weight.desc(), Transport.id)
    return db.session.scalars(select(Transport).order_by(*order)).all()


def find_transport(transport_id: int) -> Transport:
    """One of the workspace in scope. Raises NotFound."""
    found = db.session.scalar(select(Transport).where(Transport.id == transport_id))
    if found is None:
        raise NotFound("There is no such transport in this workspace.")
    return found


def caught_at(settings: Settings) -> str:
    """Where the mail of the workspace in scope can be read while the catcher takes it; empty when it goes out."""
    if not settings.catcher or db.session.scalar(select(Transport.id).limit(1)):
        return ""
    return f"http://{settings.catcher_page}/" if settings.smtp_url.endswith(settings.catcher_listen) else ""


def save_transport(keyring: Keyring, fields: TransportFields, transport: Transport | None = None) -> Transport:
    """Make or change a transport of the workspace in scope; flushes. What has changed is tried anew at once.

    A kept password goes to the same server only: whoever changes the host, or the region of a provider, must know it.
    """
    if transport is None:
        transport = Transport(kind=fields.kind)
        db.session.add(transport)
    else:
        if goes_elsewhere(transport, fields):
            # What the other server did says nothing of this one.
            transport.score = 1.0
        if goes_elsewhere(transport, fields) or not (fields.username or fields.kind != "smtp"):
            transport.password_sealed = None
    transport.name, transport.host, transport.port = fields.name, fields.host, fields.port
    transport.security, transport.username = fields.security, fields.username
    if fields.password and (fields.username or fields.kind != "smtp"):
        transport.password_sealed = seal(keyring, fields.password)
    transport.options, transport.limits = dict(fields.options), dict(fields.limits)
    transport.stream, transport.tier, transport.weight = fields.stream, fields.tier, fields.weight
    transport.signs = fields.signs
    mend_transport(transport)
    db.session.flush()
    return transport


def goes_elsewhere(transport: Transport, fields: TransportFields) -> bool:
    """Whether the secret would go to another server than before."""
    return _place(transport) != _place(fields)


def mend_transport(transport: Transport, words: str = "") -> None:
    """Forget its failures: it has been changed, or has just shown that it works by these `words`."""
    transport.failures, transport.open_until, transport.last_words = 0, None, words[:500]


def blame_transport(transport: Transport, words: str) -> None:
    """Note that a trial failed: whoever looks at its health must see it. Runs still may use it."""
    transport.failures, transport.last_words = max(transport.failures, 1), words[:500]


def switch_transport(transport: Transport, *, on: bool) -> None:
    """Use it, or leave it out; a run under way ends by itself. Flushes."""
    transport.is_enabled = on
    if on:
        mend_transport(transport)
    db.session.flush()


def remove_transport(transport: Transport) -> None:
    """Take it away; flushes. Raises Conflict while a campaign under way goes by it and no other."""
    chosen = db.session.scalars(_CHOSEN_BY, {"workspace": current_workspace_id(), "transport": transport.id}).all()
    if chosen:
        names = ", ".join(f"“{name}”" for name in chosen)
        raise Conflict(
            f"“{transport.name}” was chosen for {names}. It was kept. Let the campaign end, cancel it, or make it a "
            "draft again; until then you can switch the transport off."
        )
    db.session.delete(transport)
    db.session.flush()


def ways_of_workspace(workspace_id: int) -> Sequence[Transport]:
    """The transports for mails of the system and tests, the best first.

    Those that serve transactional mail, else whatever there is: a confirmation that goes by the other stream is better
    than none. Empty where the workspace has none of its own; raises SettingsError when all are switched off.
    """
    with in_workspace(workspace_id):
        known = list_transports()
    enabled = [each for each in known if each.is_enabled]
    if known and not enabled:
        raise SettingsError(
            "All transports of the workspace are switched off. Switch one on under Settings, Sending, or remove them "
            "to use the installation's account."
        )
    serving = [each for each in enabled if each.stream in ("", "transactional")] or enabled
    now = clock.now()
    return sorted(serving, key=lambda each: each.open_until is not None and each.open_until > now)


def workspace_account(workspace_id: int, settings: Settings, keyring: Keyring) -> AnyAccount:
    """The first account by which a workspace's own mails go out. Raises SettingsError when it cannot be used."""
    ways = ways_of_workspace(workspace_id)
    return account_of(settings, keyring, row_of(ways[0])) if ways else installation_account(settings)


def installation_account(settings: Settings) -> Account:
    """The way out of workspaces that have none of their own. Raises SettingsError."""
    return read_smtp_url(
        settings.smtp_url,
        connections=settings.smtp_connections,
        timeout=settings.smtp_timeout,
        hello=settings.mail_domain,
    )


def row_of(transport: Transport) -> TransportRow:
    """The row as a value."""
    return TransportRow(**{name: getattr(transport, name) for name in TransportRow.__slots__})


def account_of(settings: Settings, keyring: Keyring, row: TransportRow) -> AnyAccount:
    """The account of a transport. Raises SettingsError when its secret cannot be read."""
    if row.kind != "smtp":
        return _api_account(settings, keyring, row)
    return Account(
        host=row.host,
        port=row.port,
        security=cast(Security, row.security),
        username=row.username,
        password=unseal(keyring, row.password_sealed) if row.password_sealed else "",
        connections=int(row.limits.get("connections") or settings.smtp_connections),
        messages_per_connection=int(row.limits.get("messages_per_connection") or MESSAGES_PER_CONNECTION),
        timeout=settings.smtp_timeout,
        hello=settings.mail_domain,
    )


def _api_account(settings: Settings, keyring: Keyring, row: TransportRow) -> ApiAccount:
    options = {name: str(value) for name, value in row.options.items()}
    return ApiAccount(
        kind=row.kind,
        name=row.name,
        username=row.username,
        password=unseal(keyring, row.password_sealed) if row.password_sealed else "",
        base_url=options.pop("base_url", ""),
        options=options,
        connections=int(row.limits.get("connections") or settings.smtp_connections),
        timeout=min(settings.smtp_timeout, 60.0),
    )


def _place(owner: Transport | TransportFields) -> tuple[Any, ...]:
    """Where a secret goes."""
    return owner.kind, owner.host, *(owner.options.get(name, "") for name in ("base_url", "region"))
