"""Calls to Amazon SNS, and to nothing else: the addresses come from strangers, so each is held against one pattern.

The name is looked up first and must lead to the public internet; the call goes to that very address by https, with
the certificate checked against the name. No redirect is followed, no proxy of the environment asked, no more read
than a certificate takes.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from app.core.errors import Unavailable
from app.tracking.mailboxes.guard import is_public
from app.tracking.webhooks.calls import Refused

LIMIT = 64 * 1024
SECONDS = 5.0
REGION = r"[a-z]{2}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}"
_HOST = re.compile(rf"sns\.({REGION})\.amazonaws\.com(?:\.cn)?").fullmatch
_CERTIFICATE = re.compile(r"/[A-Za-z0-9_-]{1,120}\.pem").fullmatch
TOPIC = re.compile(rf"arn:aws[a-z-]{{0,12}}:sns:({REGION}):[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}(?:\.fifo)?").fullmatch


class Place(NamedTuple):
    """An address that was checked."""

    host: str
    path: str


Fetch = Callable[[Place], bytes]


def certificate_place(url: str, topic: str) -> Place:
    """Where the certificate lies. Raises Refused unless that is SNS of the topic's region."""
    place = _place(url, topic)
    if not _CERTIFICATE(place.path):
        raise Refused("The address of the certificate is not one of Amazon SNS. Nothing was stored.")
    return place


def confirmation_place(url: str, topic: str) -> Place:
    """Where a subscription is confirmed. Raises Refused unless that is SNS of the topic's region."""
    place = _place(url, topic)
    if not place.path.startswith("/?Action=ConfirmSubscription&"):
        raise Refused("The address of the confirmation is not one of Amazon SNS. Nothing was confirmed.")
    return place


def fetch(place: Place) -> bytes:
    """GET from Amazon SNS. Raises Unavailable when it does not answer as it should."""
    try:
        with httpx.Client(trust_env=False, follow_redirects=False, timeout=SECONDS) as client:
            request = client.build_request(
                "GET",
                f"https://{_address(place.host)}{place.path}",
                headers={"Host": place.host},
                extensions={"sni_hostname": place.host},
            )
            response = client.send(request, stream=True)
            try:
                return _body(response)
            finally:
                response.close()
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise Unavailable(f"Amazon SNS could not be asked ({type(error).__name__}). Nothing was stored.") from error


def _place(url: str, topic: str) -> Place:
    refused = Refused("The address in the call is not one of Amazon SNS for this topic. Nothing was stored.")
    if not url.isascii() or not url.isprintable() or len(url) > 2000 or "\\" in url:
        raise refused
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refused from None
    host, known = _HOST(parts.netloc), TOPIC(topic)
    if parts.scheme != "https" or parts.fragment or host is None or known is None or host[1] != known[1]:
        raise refused
    return Place(parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _address(host: str) -> str:
    """One public address of a host, as it stands in a URL."""
    found = {info[4][0] for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
    addresses = [ipaddress.ip_address(str(address).partition("%")[0]) for address in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise OSError(f"{host} leads into a private network")
    chosen = sorted(addresses, key=lambda address: address.version)[0]
    return f"[{chosen}]" if chosen.version == 6 else str(chosen)


def _body(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise ValueError(f"status {response.status_code}")
    found = b""
    for part in response.iter_bytes():
        found += part
        if len(found) > LIMIT:
            raise ValueError("too long")
    return found
