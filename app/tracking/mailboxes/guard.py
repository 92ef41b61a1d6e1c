"""Connecting to a host that a user named: never to a machine of our own network, unless the installation allows it.

The name is looked up once and the connection goes to the very address that was judged, so an answer that changes in
between (DNS rebinding) changes nothing.
"""

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from typing import Protocol

from app.tracking.mailboxes.account import MailboxTrouble, left_until
from app.tracking.mailboxes.bounds import watched
from app.tracking.mailboxes.network import why_unknown, why_unreached

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
# Not public, whatever Python says: site-local (RFC 3879), a site's own NAT64 (RFC 8215), 6to4's anycast (RFC 7526).
_NOT_PUBLIC = (IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"), IPv4Network("192.88.99.0/24"))
# Where clouds keep their secrets besides 169.254.169.254: Amazon, Google, Alibaba, Oracle, Azure.
_SECRETS = (
    *(IPv6Network("fd00:ec2::/32"), IPv6Network("fd20:ce::/32")),
    *(IPv4Network("100.100.100.200/32"), IPv4Network("192.0.0.192/32"), IPv4Network("168.63.129.16/32")),
)


_ADDRESSES = 4
"""Of a name that are tried; together they have the time of one."""


class Server(Protocol):
    """Whom to connect to. `internal`: private addresses may be asked as well."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def security(self) -> str:
        """tls, starttls, none"""

    @property
    def internal(self) -> bool: ...


def connect(server: Server, *, timeout: float) -> socket.socket:
    """A connection to a server, encrypted if it is so from the start. Raises MailboxTrouble, OSError.

    It has come about within `timeout` seconds, looking up the name included, and bears as many of silence.
    """
    until = time.monotonic() + timeout
    line, address = _dial(server, until)
    line.settimeout(timeout)
    try:
        if server.security == "none" and is_public(address):
            raise MailboxTrouble(
                f"{server.host} is reached over the public network, where no password or secret may go in the clear. "
                "Nothing was sent. Choose TLS or STARTTLS; a token URL must begin with https."
            )
        if server.security == "tls":
            return _encrypted(line, server, until)
    except BaseException:
        line.close()
        raise
    return line


def _encrypted(line: socket.socket, server: Server, until: float) -> socket.socket:
    found = tls().wrap_socket(line, server_hostname=server.host, do_handshake_on_connect=False)
    try:
        with watched(found, left_until(until)):
            found.do_handshake()
    except BaseException as error:
        found.close()
        if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
            raise MailboxTrouble(
                f"{server.host}, port {server.port}, does not speak TLS from the start. Nothing was sent. Correct the "
                "port (993 for IMAP, 995 for POP3), or choose STARTTLS."
            ) from error
        if isinstance(error, OSError):
            left_until(until)
        raise
    return found


def tls() -> ssl.SSLContext:
    """Certificates are verified, names too; TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def is_public(address: Address) -> bool:
    """Whether the address is one of the public network, whatever it is wrapped in."""
    inner = _unwrapped(address)
    if inner.is_multicast or inner.is_reserved or _is_in(inner, _NOT_PUBLIC + _SECRETS):
        return False
    return inner.is_global


def _dial(server: Server, until: float) -> tuple[socket.socket, Address]:
    found = _looked_up(server, until)
    allowed = [address for address in found if _may_ask(address, internal=server.internal)]
    if not allowed and not any(_may_ask(address, internal=True) for address in found):
        raise MailboxTrouble(
            f"{server.host} leads to an address that is never asked from here, whatever is set: one of the machine's "
            "own link or of a cloud's inner services, where nobody keeps a mailbox. Nothing was sent there. Name the "
            "mail server."
        )
    if not allowed:
        raise MailboxTrouble(
            f"{server.host} leads to an address inside a private network, which is not asked from here. "
            "Nothing was sent there. Name a server on the public network, or let whoever runs this installation set "
            "MERPATI_INTERNAL_HOSTS=true and start it anew."
        )
    last: OSError | None = None
    asked = allowed[:_ADDRESSES]
    for tried, address in enumerate(asked):
        try:
            timeout = left_until(until) / (len(asked) - tried)
            return socket.create_connection((str(address), server.port), timeout), address
        except OSError as error:
            last = error
    raise MailboxTrouble(
        f"{server.host}, port {server.port}, {why_unreached(last)}", "It is tried again later."
    ) from last


def _looked_up(server: Server, until: float) -> list[Address]:
    """The system's own look-up takes as long as it likes, and nothing ends it: it is left alone when time is up."""
    answers = SimpleQueue[list[Address] | OSError | UnicodeError]()
    threading.Thread(target=lambda: answers.put(_addresses_of(server)), daemon=True).start()
    try:
        found = answers.get(timeout=left_until(until))
    except Empty:
        found = socket.gaierror(socket.EAI_AGAIN, "no answer in time")
    if isinstance(found, Exception):
        raise MailboxTrouble(why_unknown(server.host, found)) from found
    return found


def _addresses_of(server: Server) -> list[Address] | OSError | UnicodeError:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def _may_ask(address: Address, *, internal: bool) -> bool:
    inner = _unwrapped(address)
    # Where nobody keeps a mailbox: not even when internal hosts are allowed.
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or _is_in(inner, _SECRETS):
        return False
    return internal or is_public(inner)


def _is_in(address: Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that leads there (RFC 4291 §2.5.5.2, 3056, 6052)."""
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is None and address in _NAT64:
            inside = IPv4Address(int(address) & 0xFFFFFFFF)
        return inside or address
    return address
