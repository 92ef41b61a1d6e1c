"""Asking a provider for an access token (RFC 6749 §4.4, §6), by the same guarded way as mailboxes are reached."""

import json
import math
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from app.tracking.mailboxes.account import MailboxTrouble, PasswordRefused, left_until
from app.tracking.mailboxes.bounds import watched
from app.tracking.mailboxes.guard import connect
from app.tracking.mailboxes.oauth.clients import Client
from app.tracking.mailboxes.secrecy import UNSHOWN, repeats

LIMIT = 128 * 1024
"""Octets of an answer; access tokens have some thousand."""
SILENCE = 10.0
WHOLE = 20.0
"""Seconds for everything, however slowly it drips."""
LONGEST = 24 * 3600
_UNSAID = 300
"""Seconds that a token is taken to be good for when the provider does not say (§5.1 leaves it open)."""
_WORDS = 400
_LATER = "Nothing in the mailbox was changed; it is tried again later."
_NOT_AGAIN = "It is not asked again until you change that."
# Goes into a line of the mail server's, so it must not hold what separates lines or fields there.
_TOKEN = re.compile(r"[\x21-\x7e]+").fullmatch
# RFC 6749 §5.2, and no longer than any that is registered.
_ERROR = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,64}").fullmatch
_FOR_A_WHILE = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_CURES = {
    "invalid_client": "Correct the client ID and the client secret; a secret may have run out.",
    "unauthorized_client": "Let the provider allow this to the app, or correct the client ID.",
    "invalid_grant": "Sign in at the provider once more and enter the new refresh token.",
    "invalid_scope": "Correct the scope.",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token, for how many seconds, and the refresh token that replaces ours, where one was given."""

    access_token: str = field(repr=False)
    seconds: int
    refresh_token: str = field(default="", repr=False)


def ask_for_token(client: Client, *, internal: bool, until: float = math.inf) -> Grant:
    """A new access token, before a moment of the monotonic clock.

    Raises PasswordRefused when the provider says no, MailboxTrouble when it may yet say yes.
    """
    place = _place(client.token_url, internal=internal)
    with _in_plain_words(place.host):
        status, body = _post(place, _form(client), {}, until)
        if _error_of(body).get("error") == "invalid_client" and client.secrets.client_secret:
            # Servers must take the secret in this header, and only may in the form (§2.3.1).
            status, body = _post(
                place, _form(client, with_secret=False), {"Authorization": f"Basic {_basic(client)}"}, until
            )
    return _read(client, place.host, status, body)


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int
    security: str
    path: str
    name: str
    internal: bool


def _place(url: str, *, internal: bool) -> _Place:
    parts = urlsplit(url)
    is_clear = parts.scheme == "http"
    return _Place(
        host=parts.hostname or "",
        port=parts.port or (80 if is_clear else 443),
        security="none" if is_clear else "tls",
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        name=parts.netloc,
        internal=internal,
    )


def _form(client: Client, *, with_secret: bool = True) -> bytes:
    secrets = client.secrets
    fields = {
        "grant_type": "refresh_token" if secrets.refresh_token else "client_credentials",
        "client_id": client.client_id,
        "client_secret": secrets.client_secret if with_secret else "",
        "refresh_token": secrets.refresh_token,
        "scope": client.scope,
    }
    return urlencode({name: value for name, value in fields.items() if value}).encode()


def _basic(client: Client) -> str:
    return _base64(quote_plus(client.client_id), quote_plus(client.secrets.client_secret))


def _base64(name: str, secret: str) -> str:
    return b64encode(f"{name}:{secret}".encode()).decode()


def _post(place: _Place, body: bytes, headers: Mapping[str, str], until: float) -> tuple[int, bytes]:
    """No redirect is followed and no proxy asked: secrets go to the place that was judged, and nowhere else."""
    caller = HTTPConnection(place.host, place.port)
    until = min(until, time.monotonic() + WHOLE)
    with closing(connect(place, timeout=left_until(until, SILENCE))) as line, watched(line, left_until(until)):
        caller.sock = line
        fixed = {
            "Host": place.name,
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": "Merpati",
            "Connection": "close",
        }
        caller.request("POST", place.path, body, {**fixed, **headers})
        with closing(caller.getresponse()) as response:
            found = response.read(LIMIT + 1)
            if len(found) > LIMIT:
                raise MailboxTrouble(f"{place.host} answers with more than any access token has.", _LATER)
            if response.length:
                raise IncompleteRead(found, response.length)
    return response.status, found


@contextmanager
def _in_plain_words(host: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxTrouble(
            f"The certificate of {host} is not valid: {error.verify_message or error.reason}. Your secret was not "
            "sent. Correct the token URL, or ask who runs that server."
        ) from error
    except TimeoutError as error:
        raise MailboxTrouble(f"{host}, asked for an access token, stopped answering.", _LATER) from error
    except (OSError, HTTPException, ValueError) as error:
        # ValueError: what the library stumbles over when an answer has no sense.
        raise MailboxTrouble(
            f"{host}, asked for an access token, broke off or makes no sense ({type(error).__name__}).",
            _LATER,
        ) from error


def _read(client: Client, host: str, status: int, body: bytes) -> Grant:
    if said := _error_of(body):
        raise _refusal(client, host, status, said)
    given = _object(body)
    token = str(given.get("access_token", ""))
    if status != 200 or not _TOKEN(token):
        cure = " Correct the token URL if it is wrong." if status < 500 else ""
        raise MailboxTrouble(
            f"{host} does not answer as a server of access tokens does (status {status}).{cure}", _LATER
        )
    refresh = given.get("refresh_token")
    return Grant(token, _seconds(given.get("expires_in")), refresh if isinstance(refresh, str) else "")


def _refusal(client: Client, host: str, status: int, said: Mapping[str, str]) -> MailboxTrouble:
    kind = said["error"] if _ERROR(said["error"]) else ""
    told = " – ".join(words for words in (kind, _one_line(said.get("error_description", ""))) if words)
    if repeats(told, (*client.secrets, _basic(client), _base64(client.client_id, client.secrets.client_secret))):
        # At most a name that everybody knows.
        told = kind if kind in _CURES or kind in _FOR_A_WHILE else UNSHOWN
    words = f"{host} gives no access token: {told or 'it does not say why'}".rstrip(".")
    if status >= 500 or status == 429 or kind in _FOR_A_WHILE:
        return MailboxTrouble(f"{words}.", _LATER)
    cure = _CURES.get(kind, "Correct what is entered here, or what the provider has of this app.")
    return PasswordRefused(f"{words}. {cure}", _NOT_AGAIN)


def _one_line(text: str) -> str:
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= _WORDS else f"{line[: _WORDS - 1]}…"


def _error_of(body: bytes) -> dict[str, str]:
    """What an answer says of an error (§5.2); empty when it speaks of none."""
    given = _object(body)
    found = {name: given[name] for name in ("error", "error_description") if isinstance(given.get(name), str)}
    return found if found.get("error") else {}


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _seconds(given: object) -> int:
    """Some providers write the number as a text."""
    try:
        return max(0, min(int(str(given)), LONGEST))
    except ValueError:
        return _UNSAID
