"""Secrets that we make and show a single time: the page after the redirect shows them, a reload neither that nor makes
another. Meanwhile they wait in the session, encrypted and for minutes only.
"""

from base64 import b64decode, b64encode

from flask import session

from app.core import clock
from app.core.errors import SettingsError
from app.core.extensions import keyring
from app.core.sealing import seal_text, unseal_text

PATIENCE = 600
"""Seconds until nobody is shown it any more."""
_KEPT = "shown_once"
_PURPOSE = b"shown-once"


def show_once(name: str, secret: str) -> None:
    """Let the next page of this name show the secret."""
    until = int(clock.now().timestamp()) + PATIENCE
    session[_KEPT] = [name, until, b64encode(seal_text(keyring(), _PURPOSE, secret)).decode()]


def shown_once(name: str) -> str:
    """The secret that waits for the page of this name; empty when none does, or no more."""
    kept = session.get(_KEPT)
    if not kept or kept[0] != name:
        return ""
    del session[_KEPT]
    if kept[1] < clock.now().timestamp():
        return ""
    try:
        return unseal_text(keyring(), _PURPOSE, b64decode(kept[2]))
    except SettingsError:
        return ""  # the secret key was changed since
