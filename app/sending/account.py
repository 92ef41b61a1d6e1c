"""An SMTP account as the sending room uses it: where it is, how safe, how much at once."""

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import unquote, urlsplit

from app.core.errors import SettingsError

MESSAGES_PER_CONNECTION = 1000

Security = Literal["none", "starttls", "tls"]

_SCHEMES: dict[str, tuple[Security, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


@dataclass(frozen=True, slots=True)
class Account:
    """A way out by SMTP.

    `security`: `tls` from the first byte; `starttls` demanded, both with a verified certificate; `none` takes STARTTLS
    when it is offered, without asking who the server is, and does without otherwise.
    """

    host: str
    port: int
    security: Security = "none"
    username: str = ""
    password: str = field(default="", repr=False)
    connections: int = 8
    messages_per_connection: int = MESSAGES_PER_CONNECTION
    timeout: float = 300.0
    """Seconds to wait for a reply; the final dot gets twice as long (RFC 5321 §4.5.3.2)."""
    hello: str = "localhost"
    """The name we give ourselves in EHLO."""

    @property
    def name(self) -> str:
        """How people and the ledger know it."""
        return f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine, so that a password may go in the clear."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def tls(self) -> ssl.SSLContext:
        """The rules for TLS with this server."""
        context = ssl.create_default_context()
        if self.security == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def read_smtp_url(url: str, **others: object) -> Account:
    """The account in a URL such as `smtps://user:password@host:465`. `others` are fields it does not name.

    Raises SettingsError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(_advice("its port is not a number")) from None
    if parts.scheme not in _SCHEMES:
        raise SettingsError(_advice(f"it begins with {parts.scheme or 'nothing'}:"))
    if not parts.hostname:
        raise SettingsError(_advice("it names no host"))
    security, usual_port = _SCHEMES[parts.scheme]
    return Account(
        host=parts.hostname,
        port=port or usual_port,
        security=security,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        **others,  # type: ignore[arg-type]
    )


def _advice(fault: str) -> str:
    return (
        f"MERPATI_SMTP_URL cannot be used: {fault}. Write smtp://host:25, smtp+starttls://user:password@host:587 or "
        "smtps://user:password@host:465, with special characters of the password percent-encoded."
    )
