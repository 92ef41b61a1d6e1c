"""Connecting to a host that a user named: never to a machine of our own network, unless the installation allows it.

The name is looked up once and the connection goes to the very address that was judged, so an answer that changes in
between (DNS rebinding) changes nothing.
"""

import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
# Not public, whatever Python says: site-local (RFC 3879), a site's own NAT64 (RFC 8215), 6to4's anycast (RFC 7526).
_NOT_PUBLIC = (IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"), IPv4Network("192.88.99.0/24"))
# Where clouds keep their secrets besides 169.254.169.254: Amazon, Google, Alibaba, Oracle, Azure.
_SECRETS = (
    *(IPv6Network("fd00:ec2::/32"), IPv6Network("fd20:ce::/32")),
    *(IPv4Network("100.100.100.200/32"), IPv4Network("192.0.0.192/32"), IPv4Network("168.63.129.16/32")),
)


def connect(account: MailboxAccount, *, timeout: float) -> socket.socket:
    """A connection to the account's server, encrypted if it is so from the start. Raises MailboxTrouble."""
    line, address = _dial(account, timeout)
    try:
        if account.security == "none" and is_public(address):
            raise MailboxTrouble(
                f"{account.host} is reached over the public network, where the password must not go in the clear. "
                "Nothing was sent. Choose TLS or STARTTLS."
            )
        if account.security == "tls":
            return tls().wrap_socket(line, server_hostname=account.host)
    except BaseException:
        line.close()
        raise
    return line


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


def _dial(account: MailboxAccount, timeout: float) -> tuple[socket.socket, Address]:
    allowed = [address for address in _looked_up(account) if _may_ask(address, internal=account.internal)]
    if not allowed:
        raise MailboxTrouble(
            f"{account.host} leads to an address inside a private network, where mailboxes are not read from here. "
            "Nothing was sent there. Name a server on the public network, or let whoever runs this installation set "
            "MERPATI_INTERNAL_HOSTS=true and start it anew."
        )
    last: OSError | None = None
    for address in allowed[:4]:
        try:
            return socket.create_connection((str(address), account.port), timeout), address
        except OSError as error:
            last = error
    raise MailboxTrouble(f"{account.host}, port {account.port}, does not answer: {last}. It is tried again later.")


def _looked_up(account: MailboxAccount) -> list[Address]:
    try:
        found = socket.getaddrinfo(account.host, account.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MailboxTrouble(f"There is no server called {account.host}: {error}. Correct its name.") from error
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
