"""How a mailbox elsewhere is reached, and what can go wrong there. Passwords are encrypted at rest (AES-256-GCM)."""

import os
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import TemporaryFailure
from app.core.tokens import Keyring
from app.tracking.models import Mailbox

PURPOSE = b"mailbox-password"
_NONCE = 12

Security = Literal["tls", "starttls", "none"]


class MailboxTrouble(TemporaryFailure):
    """The mailbox could not be read just now; nothing in it was changed. The text has the server's words."""


class PasswordRefused(MailboxTrouble):
    """The server does not know this user name with this password; asking again could lock the account."""


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
    """The password, encrypted: key id, nonce, ciphertext with its tag."""
    key = keyring.keys(PURPOSE)[0]
    nonce = os.urandom(_NONCE)
    return key.id.to_bytes(1) + nonce + AESGCM(key.secret).encrypt(nonce, password.encode(), PURPOSE)


def unseal(keyring: Keyring, sealed: bytes) -> str:
    """The password again, by the current key or a fallback. Raises PasswordRefused when none of them made it."""
    for key in keyring.keys(PURPOSE):
        if key.id == sealed[0]:
            try:
                return AESGCM(key.secret).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], PURPOSE).decode()
            except InvalidTag:
                continue
    raise PasswordRefused(
        "The password was encrypted with another secret key. Enter it again, or add the earlier key to "
        "MERPATI_SECRET_KEY_FALLBACKS."
    )
