"""How a mailbox elsewhere is reached, and what can go wrong there. Passwords are encrypted at rest (AES-256-GCM)."""

import math
import time
from dataclasses import dataclass, field
from typing import Literal

from app.core.errors import SettingsError, TemporaryFailure
from app.core.sealing import seal_text, unseal_text
from app.core.tokens import Keyring
from app.tracking.models import Mailbox

PURPOSE = b"mailbox-password"

Security = Literal["tls", "starttls", "none"]


class MailboxTrouble(TemporaryFailure):
    """The mailbox could not be read just now; nothing in it was changed. The text has the server's words.

    `then` is what follows from it at a visit; who only tries a sign-in tells `what` alone.
    """

    def __init__(self, what: str, then: str = "") -> None:
        super().__init__(f"{what} {then}".rstrip())
        self.what = what


class PasswordRefused(MailboxTrouble):
    """The server does not know this user name with this password: asking again could lock the account. Or the provider
    gives no access token for what was entered, and would not for the same another time."""


class TokenRefused(MailboxTrouble):
    """The server does not take this access token; it may take another."""


@dataclass(frozen=True, slots=True)
class MailboxAccount:
    """Where a mailbox is. `internal`: servers on private addresses may be asked as well."""

    kind: str
    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    done_folder: str = "Merpati"
    internal: bool = False
    token: str = field(default="", repr=False)
    """An access token (OAuth 2.0), which takes the place of the password."""
    within: float = math.inf
    """Seconds of silence, where somebody waits for the answer …"""
    until: float = math.inf
    """… and the moment of the monotonic clock at which the conversation ends."""

    @property
    def secrets(self) -> tuple[str, str]:
        """What the server is told in confidence."""
        return self.password, self.token

    def patience(self, usual: float) -> float:
        """Of the seconds of silence that a visit bears, those that are borne. Raises TimeoutError when time is up."""
        return min(self.within, self.left(usual))

    def left(self, usual: float) -> float:
        """Of the seconds that a visit has, those there are. Raises TimeoutError when there are none."""
        return left_until(self.until, usual)


def left_until(until: float, usual: float = math.inf) -> float:
    """Seconds to a moment of the monotonic clock, and no more than usual. Raises TimeoutError when there are none."""
    left = min(usual, until - time.monotonic())
    if left <= 0:
        raise TimeoutError
    return left


def account_of(keyring: Keyring, mailbox: Mailbox, *, internal: bool) -> MailboxAccount:
    """The account of a row. Raises PasswordRefused when its password cannot be read any more."""
    return MailboxAccount(
        kind=mailbox.kind,
        host=mailbox.host,
        port=mailbox.port,
        security=mailbox.security,
        username=mailbox.username,
        password=unseal(keyring, mailbox.password_sealed),
        folder=mailbox.folder,
        done_folder=mailbox.done_folder,
        internal=internal,
    )


def seal(keyring: Keyring, password: str) -> bytes:
    """The password, encrypted."""
    return seal_text(keyring, PURPOSE, password)


def unseal(keyring: Keyring, sealed: bytes) -> str:
    """The password again. Raises PasswordRefused when it was sealed with a secret key that is not known any more."""
    try:
        return unseal_text(keyring, PURPOSE, sealed)
    except SettingsError as error:
        raise PasswordRefused(str(error)) from error
