"""The database and the queue this installation uses: the ones in the settings, else the embedded servers."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.core.settings import Settings, libpq_url
from app.runtime.places import Places, find_places, prepare_places
from app.runtime.postgres import Postgres
from app.runtime.server import Running, Say, Server, ensure
from app.runtime.valkey import Valkey


@dataclass(frozen=True)
class Services:
    """Where the database (a libpq URL) and the queue (`unix://` or `redis://`) are."""

    database_url: str
    redis_url: str


@dataclass
class RunningServices:
    """Services that answer, and the embedded servers among them."""

    services: Services
    running: list[Running] = field(default_factory=list)
    say: Say = print

    def stop(self) -> None:
        """End what `ensure_services` started; a server that it found running goes on."""
        for running in reversed(self.running):
            running.stop()

    def revive(self) -> None:
        """Start again a server that has ended, by itself or with the process it belonged to.

        Raises Unavailable when it does not come up.
        """
        for place, running in enumerate(self.running):
            if running.has_ended:
                self.say(f"{running.server.title} has ended; starting it again. Its log: {running.server.log}")
                running.stop()
                self.running[place] = ensure(running.server, self.say)


def ensure_services(
    settings: Settings, *, postgres: Mapping[str, str] | None = None, say: Say | None = None
) -> RunningServices:
    """The database and the queue, answering. `postgres` overrides settings of the embedded one (tests: `fsync` off).

    Call it from a thread that lives as long as the servers should: on Linux they end with it. Raises Unavailable or
    SettingsError.
    """
    say = say or _to_stderr
    found = RunningServices(_urls(settings, None), say=say)
    if not (settings.uses_embedded_database or settings.uses_embedded_queue):
        return found
    places = prepare_places(settings)
    if places.moved:
        say(
            f"The embedded servers keep their data in {places.servers}, "
            f"as the user they run as cannot reach {places.home}."
        )
    found.services = _urls(settings, places)
    try:
        for server in _servers(settings, places, postgres or {}):
            _make_folder(places, server)
            found.running.append(ensure(server, say))
    except BaseException:
        found.stop()
        raise
    return found


@contextmanager
def services(settings: Settings, *, postgres: Mapping[str, str] | None = None) -> Iterator[Services]:
    """The database and the queue for the block."""
    found = ensure_services(settings, postgres=postgres)
    try:
        yield found.services
    finally:
        found.stop()


def embedded_urls(settings: Settings) -> Services:
    """Where the services are, or would be; nothing is started."""
    return _urls(settings, find_places(settings))


def _urls(settings: Settings, places: Places | None) -> Services:
    database = libpq_url(settings.database_url) if settings.database_url else ""
    return Services(
        database or (Postgres(places).url if places else ""),
        settings.redis_url or (Valkey(places).url if places else ""),
    )


def _servers(settings: Settings, places: Places, options: Mapping[str, str]) -> list[Server]:
    servers: list[Server] = []
    if settings.uses_embedded_database:
        servers.append(Postgres(places, options))
    if settings.uses_embedded_queue:
        servers.append(Valkey(places))
    return servers


def _make_folder(places: Places, server: Server) -> None:
    """Ours even when another user runs the server: nothing that we write lies in a directory it could change."""
    if not server.folder.exists():
        server.folder.mkdir()
        server.folder.chmod(0o711 if places.user else 0o700)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)
