"""A sign-in on trial, before anything is saved: whoever fills in the form learns at once what is wrong with it."""

import time
from dataclasses import dataclass, replace

from app.core.tokens import Keyring
from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble, account_of
from app.tracking.mailboxes.oauth.clients import Client, Secrets, client_of
from app.tracking.mailboxes.oauth.endpoint import ask_for_token
from app.tracking.mailboxes.poll import open_door
from app.tracking.models import Mailbox

WITHIN = 6.0
"""Seconds for the connection, and of silence. Somebody waits for the page."""
WHOLE = 10.0
"""Seconds for everything, however slowly it drips: the provider of tokens, then the mail server."""

_TOO_SLOW = (
    f"It took longer than {WHOLE:.0f} seconds, so it was broken off: a server answers too slowly. Try again later, or "
    "ask who runs it."
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """All that a sign-in needs, so that no transaction stays open meanwhile."""

    account: MailboxAccount
    client: Client | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`trouble` is empty when we were let in. `secrets`: to be kept from now on, where the provider gave new ones."""

    trouble: str = ""
    secrets: Secrets | None = None


def attempt_at(keyring: Keyring, mailbox: Mailbox, *, internal: bool) -> Attempt:
    """What a sign-in to a mailbox takes, as it stands in the row. Raises PasswordRefused."""
    account = replace(account_of(keyring, mailbox, internal=internal), within=WITHIN)
    return Attempt(account, None if mailbox.login == "password" else client_of(keyring, mailbox))


def try_sign_in(attempt: Attempt, until: float) -> Outcome:
    """Sign in and open the folder, before a moment of the monotonic clock; nothing is read."""
    account, secrets = replace(attempt.account, until=until), None
    try:
        if attempt.client:
            grant = ask_for_token(attempt.client, internal=account.internal, until=until)
            account, before = replace(account, token=grant.access_token), attempt.client.secrets
            if before.refresh_token and grant.refresh_token not in ("", before.refresh_token):
                # From here on the old one may be worth nothing (RFC 6749 §6).
                secrets = before._replace(refresh_token=grant.refresh_token)
        with open_door(account):
            pass
    except MailboxTrouble as error:
        return Outcome(_TOO_SLOW if time.monotonic() >= until else error.what, secrets)
    return Outcome(secrets=secrets)
