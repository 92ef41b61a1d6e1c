"""Networks of data centres, from files an operator can refresh: `<home>/networks/<name>.txt`, one CIDR a line.

Looked up in memory when a hit comes in; never a question to somebody else's server.
"""

from bisect import bisect_right
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

from app.core.logging import log


class Networks:
    """Sorted, non-overlapping look-up of addresses in named networks."""

    def __init__(self, entries: Sequence[tuple[int, int, int, str]]) -> None:
        self._entries = sorted(entries)
        self._starts = [entry[:2] for entry in self._entries]

    def name(self, address: str) -> str:
        """The name of the network that holds the address; empty when none does or it is no address."""
        try:
            ip = ip_address(address)
        except ValueError:
            return ""
        place = bisect_right(self._starts, (ip.version, int(ip))) - 1
        # A wide network may begin before a narrower one that ended already: look back a little.
        for entry in reversed(self._entries[max(0, place - 8) : place + 1]):
            if entry[0] == ip.version and entry[1] <= int(ip) <= entry[2]:
                return entry[3]
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


def cut(address: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 address; empty for anything else."""
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))
