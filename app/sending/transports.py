"""Which way out a workspace uses: its own SMTP account, or the installation's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from psycopg import AsyncConnection
from sqlalchemy import delete, select

from app.core.database import db, in_workspace
from app.core.settings import Settings
from app.core.tokens import Keyring
from app.sending.account import MESSAGES_PER_CONNECTION, Account, Security, read_smtp_url
from app.sending.models import Transport
from app.sending.seal import seal, unseal

_OF_CAMPAIGN = """
SELECT t.host, t.port, t.security, t.username, t.password_sealed, t.limits
FROM campaigns c JOIN transports t ON t.workspace_id = c.workspace_id WHERE c.id = %s ORDER BY t.tier, t.id LIMIT 1
"""


async def account_for(
    connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, settings: Settings, keyring: Keyring
) -> Account:
    """The account by which a campaign goes out. Raises SettingsError when it cannot be used."""
    row = await (await connection.execute(_OF_CAMPAIGN, (campaign_id,))).fetchone()
    return _default(settings) if row is None else _account(settings, keyring, *row)


@dataclass(frozen=True, slots=True)
class AccountFields:
    """An SMTP account as its owner fills it in."""

    host: str
    port: int
    security: str
    username: str
    password: str
    limits: Mapping[str, int]


def find_transport() -> Transport | None:
    """The account of the workspace in scope, if it has one of its own."""
    return db.session.scalar(select(Transport).order_by(Transport.tier, Transport.id).limit(1))


def caught_at(settings: Settings) -> str:
    """Where the mail of the workspace in scope can be read while the catcher takes it; empty when it goes out."""
    if find_transport() is not None or not settings.catcher:
        return ""
    return f"http://{settings.catcher_page}/" if settings.smtp_url.endswith(settings.catcher_listen) else ""


def save_transport(keyring: Keyring, fields: AccountFields) -> Transport:
    """Make or change the account of the workspace in scope; flushes. An empty password keeps the one there is.

    A kept password goes to the same server only: whoever changes the host must know it.
    """
    transport = find_transport()
    if transport is None:
        transport = Transport(kind="smtp", limits={})
        db.session.add(transport)
    elif transport.host != fields.host or not fields.username:
        transport.password_sealed = None
    transport.name = transport.host = fields.host
    transport.port, transport.security, transport.username = fields.port, fields.security, fields.username
    if fields.username and fields.password:
        transport.password_sealed = seal(keyring, fields.password)
    transport.limits = dict(fields.limits)
    db.session.flush()
    return transport


def forget_transport() -> None:
    """Take the account of the workspace in scope away."""
    db.session.execute(delete(Transport))


def workspace_account(workspace_id: int, settings: Settings, keyring: Keyring) -> Account:
    """The account by which a workspace's own mails go out. Raises SettingsError when it cannot be used."""
    with in_workspace(workspace_id):
        found = find_transport()
    if found is None:
        return _default(settings)
    return _account(
        settings, keyring, found.host, found.port, found.security, found.username, found.password_sealed, found.limits
    )


def _default(settings: Settings) -> Account:
    return read_smtp_url(
        settings.smtp_url,
        connections=settings.smtp_connections,
        timeout=settings.smtp_timeout,
        hello=settings.mail_domain,
    )


def _account(
    settings: Settings,
    keyring: Keyring,
    host: str,
    port: int,
    security: str,
    username: str,
    sealed: bytes | None,
    limits: Mapping[str, Any],
) -> Account:
    return Account(
        host=host,
        port=port,
        security=cast(Security, security),
        username=username,
        password=unseal(keyring, sealed) if sealed else "",
        connections=int(limits.get("connections") or settings.smtp_connections),
        messages_per_connection=int(limits.get("messages_per_connection") or MESSAGES_PER_CONNECTION),
        timeout=settings.smtp_timeout,
        hello=settings.mail_domain,
    )
