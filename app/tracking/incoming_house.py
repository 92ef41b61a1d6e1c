"""Who is in at the bounce mailbox, and how much each of them holds: places and octets go to those who bring mail."""

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

CONNECTIONS = 50
CONNECTIONS_EACH = 10
"""Of one address, or of one /64 of IPv6, which is what one customer gets; this machine's own relays may have more."""
IN_FLIGHT = 128 * 1024 * 1024
"""Octets of mails that are being read and stored, all together."""
GRACE = 10.0
"""Seconds in which a mail can be expected of everybody. Who brought none for longer may have to make room."""
SLOW = 1000
"""Octets a second: a mail that comes more slowly does not keep its place when all are taken. Its sender tries again."""

NO_ROOM = b"421 4.3.2 Too much mail at once, try again later\r\n"
MAKE_ROOM = b"421 4.3.2 Others need this place, try again later\r\n"


class Guest(Protocol):
    """A connection, as the house sees it."""

    def idle(self) -> float:
        """Seconds since it came or brought its last mail; none while it brings one, unless slowly."""

    def give_way(self, words: bytes) -> None:
        """It has to go: in words, and its place is given back at once."""


@dataclass
class House:
    """Who is in, and how much each of them holds."""

    connections: int = CONNECTIONS
    each: int = CONNECTIONS_EACH
    octets: int = IN_FLIGHT
    grace: float = GRACE
    guests: dict[Guest, str] = field(default_factory=dict)
    held: dict[Guest, int] = field(default_factory=dict)
    _addresses: Counter[str] = field(default_factory=Counter)
    _sum: int = 0

    def enter(self, guest: Guest, address: str) -> bool:
        """Whether there is a place for one more of this address; `leave` gives it back."""
        place = _place(address)
        if self._addresses[place] >= self.each and place != _HERE:
            return False
        if len(self.guests) >= self.connections and not self._make_room():
            return False
        self.guests[guest] = place
        self._addresses[place] += 1
        return True

    def leave(self, guest: Guest) -> None:
        """Give a place back, and what was held there. Safe to repeat."""
        self.let_go(guest)
        place = self.guests.pop(guest, None)
        if place is not None:
            self._addresses[place] -= 1
            if not self._addresses[place]:
                del self._addresses[place]

    def hold(self, guest: Guest, octets: int) -> None:
        """Count what a mail has come to. While all are too much, the longest has to go: a short one always gets in."""
        self._sum += octets - self.held.get(guest, 0)
        self.held[guest] = octets
        while self._sum > self.octets:
            longest = max(self.held, key=self.held.__getitem__)
            self.let_go(longest)
            longest.give_way(NO_ROOM)

    def let_go(self, guest: Guest) -> None:
        """A mail is stored, or given up."""
        self._sum -= self.held.pop(guest, 0)

    def _make_room(self) -> bool:
        """Ask the one to go that has been without a mail for longest: talk without mail keeps no place."""
        idlest = max(self.guests, key=lambda guest: guest.idle(), default=None)
        if idlest is None or idlest.idle() < self.grace:
            return False
        idlest.give_way(MAKE_ROOM)
        return True


_HERE = "here"


def _place(address: str) -> str:
    """Whose connections are counted together."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        # As a socket for both families names IPv4: all of them would share one /64.
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return _HERE
    return str(ip_network(f"{ip}/64", strict=False)) if ip.version == 6 else str(ip)
