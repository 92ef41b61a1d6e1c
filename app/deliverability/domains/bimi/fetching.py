"""Fetching what a BIMI record points to, as receivers do: by https, from the public network, and never for long.

The name is asked of DNS once and its addresses are judged; the connection goes to one of them by the same guarded way
as mailboxes are reached, with the web server's certificate checked against the name.
"""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit

from app.core.errors import Invalid, TemporaryFailure
from app.deliverability.dmarc.unpack import unpack
from app.deliverability.domains.records.dns import Ask
from app.mail.addresses import a_label
from app.tracking.mailboxes.account import MailboxTrouble
from app.tracking.mailboxes.bounds import watched
from app.tracking.mailboxes.guard import connect, is_public, tls

LARGEST = 256 * 1024
"""Octets: eight times what a picture may have, and many times what a chain of certificates has."""
SILENCE = 3.0
"""Seconds without a single octet."""
WHOLE = 6.0
"""Seconds for all that one record points to, however slowly it drips: the daily look has an hour for 200 domains."""
MOST_REDIRECTS = 3
_MOST_ADDRESSES = 2
"""Of either kind."""
_SENT_ON = frozenset({301, 302, 303, 307, 308})
_FOR_A_WHILE = frozenset({408, 425, 429})
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?").fullmatch
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lay there, unpacked; what its server calls it; and the address it was found at in the end."""

    body: bytes
    type: str
    at: str


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int
    path: str

    @property
    def name(self) -> str:
        return self.host if self.port == 443 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Address:
    """Encryption is begun here and not by the guard: the certificate is for the name, not for the address."""

    host: str
    port: int
    security: str = "starttls"
    internal: bool = False


def fetch(address: str, ask: Ask, until: float) -> Fetched:
    """What lies at an address, before a moment of the monotonic clock.

    Raises Invalid where nobody could fetch it, and TemporaryFailure where it may be had another time.
    """
    at = address
    for _hop in range(MOST_REDIRECTS + 1):
        place = _place(at)
        addresses = _addresses(place.host, ask)
        with _in_plain_words(place.host, until):
            status, location, kind, body = _get(place, addresses, until)
        if status not in _SENT_ON:
            _check_status(place.host, status)
            return Fetched(_unpacked(place.host, body), kind, at)
        if not location:
            raise Invalid(f"{place.host} sends on (status {status}), but does not say where to.")
        at = _joined(at, location)
    raise Invalid(f"its address sends on more than {MOST_REDIRECTS} times.")


def _place(address: str) -> _Place:
    try:
        parts = urlsplit(address)
        host, port = a_label((parts.hostname or "").rstrip(".")).lower(), parts.port
    except (ValueError, Invalid):
        raise Invalid(f"{address[:200]} is no address of the web.") from None
    if parts.scheme != "https":
        raise Invalid(f"{address[:200]} does not begin with https://.")
    if not _HOST(host) or parts.username is not None or port == 0:
        raise Invalid(f"{address[:200]} must name a server by its full name, such as www.example.com, and nobody else.")
    query = f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else ""
    return _Place(host, port or 443, (quote(parts.path, safe=_AS_IT_IS) or "/") + query)


_AS_IT_IS = "/%:@!$&'()*+,;=~-._?"


def _joined(at: str, location: str) -> str:
    try:
        return urljoin(at, location)
    except ValueError:
        raise Invalid(f"{at[:200]} sends on to what is no address of the web.") from None


def _addresses(host: str, ask: Ask) -> list[str]:
    found = list(ask(host, "A").values[:_MOST_ADDRESSES])
    try:
        found += ask(host, "AAAA").values[:_MOST_ADDRESSES]
    except TemporaryFailure:
        if not found:
            raise
    if not found:
        raise Invalid(f"there is no server called {host}.")
    public = [address for address in found if is_public(ip_address(address))]
    if not public:
        raise Invalid(f"{host} leads into a private network, where nobody else can fetch anything.")
    return public


def _get(place: _Place, addresses: list[str], until: float) -> tuple[int, str, str, bytes]:
    """Status, where to go on, type and body. No proxy is asked."""
    caller = HTTPConnection(place.host, place.port)
    with ExitStack() as stack:
        raw = stack.enter_context(closing(_line(place, addresses, until)))
        raw.settimeout(min(SILENCE, _left(until)))
        line = tls().wrap_socket(raw, server_hostname=place.host, do_handshake_on_connect=False)
        stack.enter_context(closing(line))
        stack.enter_context(watched(line, _left(until)))
        line.do_handshake()
        caller.sock = line
        headers = {"Host": place.name, "User-Agent": "Merpati", "Accept": "*/*", "Connection": "close"}
        caller.request("GET", place.path, headers=headers)
        response = stack.enter_context(closing(caller.getresponse()))
        body = _body(place.host, response) if response.status == HTTPStatus.OK else b""
        _left(until)
        return response.status, response.getheader("Location", ""), response.getheader("Content-Type", ""), body


def _line(place: _Place, addresses: list[str], until: float) -> socket.socket:
    last: MailboxTrouble | None = None
    for tried, address in enumerate(addresses):
        try:
            return connect(_Address(address, place.port), timeout=min(SILENCE, _left(until) / (len(addresses) - tried)))
        except MailboxTrouble as error:
            last = error
    cause = last.__cause__ if last else None
    if isinstance(cause, ConnectionRefusedError):
        raise TemporaryFailure(f"{place.host} takes no connections at port {place.port}.")
    if isinstance(cause, TimeoutError):
        raise TemporaryFailure(f"{place.host} does not answer.")
    raise TemporaryFailure(f"{place.host} cannot be reached from this installation's network.")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _body(host: str, response: HTTPResponse) -> bytes:
    found = response.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise Invalid(f"{host} sends more than {LARGEST // 1024} KB.")
    if response.length:
        raise IncompleteRead(found, response.length)
    return found


def _check_status(host: str, status: int) -> None:
    if status == HTTPStatus.OK:
        return
    phrase = f" ({HTTPStatus(status).phrase})" if status in set(HTTPStatus) else ""
    if status >= 500 or status in _FOR_A_WHILE:
        raise TemporaryFailure(f"{host} answers {status}{phrase}.")
    raise Invalid(f"{host} answers {status}{phrase}.")


def _unpacked(host: str, body: bytes) -> bytes:
    """Pictures may be packed (SVGZ), and some servers pack whatever they have, asked or not."""
    if not body.startswith(_GZIP):
        return body
    try:
        found = unpack(body)
    except Invalid:
        raise Invalid(f"what {host} sends is packed with gzip, and damaged.") from None
    if len(found) > LARGEST:
        raise Invalid(f"what {host} sends has more than {LARGEST // 1024} KB when unpacked.")
    return found


@contextmanager
def _in_plain_words(host: str, until: float) -> Iterator[None]:
    try:
        yield
    except (Invalid, TemporaryFailure):
        raise
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message or error.reason
        raise Invalid(f"the certificate of the web server {host} is not valid ({why}).") from error
    except (OSError, HTTPException, ValueError) as error:
        # ValueError: what the library stumbles over when an answer has no sense.
        if time.monotonic() >= until or isinstance(error, TimeoutError):
            raise TemporaryFailure(f"{host} did not send it in time.") from error
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            raise Invalid(f"{host} and we agree on no encryption; TLS 1.2 or newer is needed.") from error
        raise TemporaryFailure(f"{host} broke off, or its answer makes no sense ({type(error).__name__}).") from error
