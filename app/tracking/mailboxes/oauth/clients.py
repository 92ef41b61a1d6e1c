"""What a mailbox's access tokens are asked for with (RFC 6749): the provider's address, our name there, our secrets.

The secrets are encrypted at rest, as passwords are.
"""

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from app.core.errors import SettingsError
from app.core.sealing import seal_text, unseal_text
from app.core.tokens import Keyring
from app.tracking.mailboxes.account import PasswordRefused
from app.tracking.models import Mailbox

PURPOSE = b"mailbox-oauth"
MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
GOOGLE = "https://oauth2.googleapis.com/token"
_ANY_TENANT = "common"
_OF_THE_APP = "https://outlook.office365.com/.default"
_OF_A_USER = {
    "imap": "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
    "pop3": "https://outlook.office.com/POP.AccessAsUser.All offline_access",
}


class Secrets(NamedTuple):
    """Either may be empty: an app of its own has no refresh token, and a public client no secret."""

    client_secret: str = ""
    refresh_token: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Whom to ask for an access token, and as whom. Without a refresh token it is asked in the app's own name."""

    token_url: str
    client_id: str
    secrets: Secrets = field(repr=False)
    scope: str = ""


def client_of(keyring: Keyring, mailbox: Mailbox) -> Client:
    """The client of a row. Raises PasswordRefused when its secrets cannot be read any more."""
    given = mailbox.oauth
    scope = given.get("scope") or {"microsoft_app": _OF_THE_APP, "microsoft": _OF_A_USER[mailbox.kind]}.get(
        mailbox.login, ""
    )
    return Client(_token_url(mailbox), given["client_id"], unseal_secrets(keyring, mailbox.oauth_sealed), scope)


def seal_secrets(keyring: Keyring, secrets: Secrets) -> bytes:
    """The secrets, encrypted."""
    return seal_text(keyring, PURPOSE, json.dumps(secrets))


def unseal_secrets(keyring: Keyring, sealed: bytes | None) -> Secrets:
    """The secrets again. Raises PasswordRefused when they were sealed with a key that is not known any more."""
    try:
        return Secrets(*json.loads(unseal_text(keyring, PURPOSE, sealed or b"")))
    except SettingsError as error:
        raise PasswordRefused(str(error)) from error


def _token_url(mailbox: Mailbox) -> str:
    if mailbox.login in ("microsoft", "microsoft_app"):
        return MICROSOFT.format(tenant=mailbox.oauth.get("tenant") or _ANY_TENANT)
    return GOOGLE if mailbox.login == "google" else str(mailbox.oauth["token_url"])
