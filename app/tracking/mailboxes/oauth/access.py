"""The access token of a mailbox: the one of last time while it is good, else a new one, which is kept at once."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import update

from app.core import clock
from app.core.database import db
from app.core.errors import SettingsError
from app.core.sealing import seal_text, unseal_text
from app.core.tokens import Keyring
from app.tracking.mailboxes.oauth.clients import Secrets, client_of, seal_secrets
from app.tracking.mailboxes.oauth.endpoint import ask_for_token
from app.tracking.models import Mailbox

PURPOSE = b"mailbox-access"
MARGIN = timedelta(minutes=2)
"""So long before its end a token is used no more."""


class Token(NamedTuple):
    """An access token, and whether it was given just now."""

    text: str
    is_new: bool


def access_token(keyring: Keyring, mailbox: Mailbox, *, internal: bool, anew: bool = False) -> Token:
    """The token to sign in with; commits. `anew`: whatever is kept, since the mail server took it no more.

    Needs the only visit to this mailbox. Raises PasswordRefused, MailboxTrouble.
    """
    if not anew and (kept := _kept(keyring, mailbox)):
        return Token(kept, is_new=False)
    client, number, entered = client_of(keyring, mailbox), mailbox.id, mailbox.password_sealed
    # No transaction stays open while a server is waited for.
    db.session.commit()
    grant = ask_for_token(client, internal=internal)
    values = {
        "access_sealed": seal_text(keyring, PURPOSE, grant.access_token),
        "access_until": clock.now() + timedelta(seconds=grant.seconds),
    }
    if grant.refresh_token and grant.refresh_token != client.secrets.refresh_token and client.secrets.refresh_token:
        # From here on ours may be worth nothing (RFC 6749 §6).
        values["oauth_sealed"] = seal_secrets(keyring, Secrets(client.secrets.client_secret, grant.refresh_token))
    # Whatever its owner has entered meanwhile stays: saving seals the password anew.
    place = (Mailbox.id == number) & (Mailbox.password_sealed == entered)
    db.session.execute(update(Mailbox).where(place).values(values), execution_options={"synchronize_session": False})
    db.session.commit()
    return Token(grant.access_token, is_new=True)


def _kept(keyring: Keyring, mailbox: Mailbox) -> str:
    if mailbox.access_sealed is None or mailbox.access_until is None or mailbox.access_until - MARGIN <= clock.now():
        return ""
    try:
        return unseal_text(keyring, PURPOSE, mailbox.access_sealed)
    except SettingsError:
        return ""  # sealed with a key that is gone: another token is asked for
