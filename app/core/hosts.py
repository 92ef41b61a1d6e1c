"""Names of hosts and places to listen at, as they are written in settings. Mistakes are ValueErrors that say what to
write.
"""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST = 253
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Wider than a name in DNS: containers are called my_service.
_PLACE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


def host_name(text: str, such: str) -> str:
    """A name by the rules for hosts (RFC 1035 §2.3.1, RFC 1123 §2.1), in lower case and A-labels.

    `such` is a name to write in its place. Raises ValueError.
    """
    if (name := _in_ascii(text)) and _is_name(name):
        return name
    found = _in_ascii(_host_in(text))
    raise ValueError(f"write the name of a host alone, such as {found if found and _is_name(found) else such}")


def is_host_name(text: str) -> bool:
    """Whether it can be a host's name in DNS."""
    name = _in_ascii(text)
    return bool(name) and _is_name(name)


def place(text: str, such: str) -> str:
    """`host:port` as a server listens there, unchanged; the host may be left out. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if port.isascii() and port.isdigit() and int(port) < 65536 and (not host or _is_place(host)):
        return text
    raise ValueError(f"write host:port, such as {such}")


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL that names a host and, if any, a port that is a number; else None."""
    try:
        parts = urlsplit(url)
        is_sound = bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return None
    return parts if is_sound else None


def _in_ascii(text: str) -> str:
    """In lower case and A-labels (IDNA 2008 with the mapping of UTS #46), without the dot of the root; or nothing."""
    name = text.strip().removesuffix(".").lower()
    if name.isascii():
        return name
    # Every process reads the settings, and hardly any needs this table of all letters.
    import idna

    try:
        return idna.encode(name, uts46=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        return ""


def _is_name(name: str) -> bool:
    labels = name.split(".")
    # A last label of digits makes it an address, which no mail domain is.
    return len(name) <= LONGEST and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def _host_in(text: str) -> str:
    """The host of a URL, an address of mail or host:port: what was meant, where a name alone was asked for."""
    after = text.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    return after.partition(":")[0]


def _is_place(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return _PLACE.fullmatch(host) is not None
    return True
