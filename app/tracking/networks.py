"""Networks of data centres, from files an operator can refresh: `<home>/networks/<name>.txt`, one CIDR a line.

Looked up in memory when a hit comes in; never a question to somebody else's server.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import accumulate
from pathlib import Path

from app.core.logging import log


class Networks:
    """Look-up of addresses in named networks; of several around an address, the narrowest gives its name."""

    def __init__(self, entries: Sequence[tuple[int, int, int, str]]) -> None:
        self._entries = sorted(entries, key=lambda entry: (*entry[:2], -entry[2]))
        self._starts = [entry[:2] for entry in self._entries]
        self._reach = list(accumulate((entry[:1] + entry[2:3] for entry in self._entries), max))

    def name(self, address: str) -> str:
        """The name of the network that holds the address; empty when none does or it is no address."""
        if not self._entries:
            return ""
        try:
            ip = ip_address(address)
        except ValueError:
            return ""
        place = bisect_right(self._starts, (ip.version, int(ip))) - 1
        # A wide network may begin before narrower ones that ended already: look back for as long as any reaches here.
        while place >= 0 and self._reach[place] >= (ip.version, int(ip)):
            version, start, end, name = self._entries[place]
            if version == ip.version and start <= int(ip) <= end:
                return name
            place -= 1
        return ""


def load_networks(directory: Path) -> Networks:
    """All networks in the files of a directory; lines that are no network are passed over and named in the log."""
    entries: list[tuple[int, int, int, str]] = []
    for path in sorted(directory.glob("*.txt")) if directory.is_dir() else []:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            try:
                net = ip_network(text, strict=False)
            except ValueError:
                log("tracking").warning("not a network", file=path.name, line=number)
                continue
            entries.append((net.version, int(net.network_address), int(net.broadcast_address), path.stem))
    return Networks(entries)


@lru_cache(maxsize=10_000)
def cut(address: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 address; empty for anything else."""
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))
