"""The one site whose addresses may be fetched; whatever else stands in a message is left alone."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from app.core.errors import SettingsError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """Scheme, host and port of the tracked site."""

    scheme: str
    host: str
    port: int

    def path_of(self, url: str) -> str | None:
        """What to ask this site for, or None when the address belongs to another site."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return None
        if (parts.scheme, parts.hostname, port) != (self.scheme, self.host, self.port):
            return None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return path if path.isascii() and path.isprintable() and " " not in path else None

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_site(base_url: str) -> Site:
    """The site at an http or https address. Raises SettingsError."""
    parts = urlsplit(base_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise SettingsError(f"{base_url!r} is no site the simulator could visit: write http://host:port")
    return Site(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
