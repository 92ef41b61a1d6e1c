"""`merpati up`: servers, migrations, and every process under one supervisor."""

import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO

import click

from app.core.errors import Unavailable
from app.core.settings import Settings, host_port, libpq_url, load_settings
from app.runtime.ports import check_port_free
from app.runtime.process import Process
from app.runtime.secret import ensure_secret_key
from app.runtime.server import Running
from app.runtime.services import RunningServices, ensure_services
from app.runtime.supervisor import Supervisor
from app.shell.context import adopt
from app.shell.ways_out import ways_out, words_at_start

ROOT = Path(__file__).resolve().parents[2]
AGAIN = 5.0
"""Seconds until the next try to start a database or queue that did not come up again."""


def run_up(*, catcher: bool | None = None) -> None:
    """Start everything, say where it is, and stay until Ctrl-C."""
    begin = time.monotonic()
    settings = load_settings()
    wanted = settings.catcher if catcher is None else catcher
    extra = [catcher_process(settings)] if wanted else []
    house = House(settings, extra)
    house.open()
    try:
        house.supervisor.run(on_ready=lambda: _greet(house.settings, begin, wanted))
    finally:
        house.close()


class House:
    """Everything that runs on this machine for one installation. `out` is where its warnings are shown."""

    def __init__(self, settings: Settings, extra: Sequence[Process] = (), *, out: IO[str] | None = None) -> None:
        self.settings = settings
        self._look_at = 0.0
        self._extra = extra
        self._services: RunningServices | None = None
        self.supervisor = Supervisor([*processes(settings), *extra], settings.root, guard=self._guard, out=out)

    def open(self) -> None:
        """Start the servers and bring the database up to date. Raises when a port is taken or another one runs here."""
        self.supervisor.claim()
        check_ports(self.settings, [process.name for process in self._extra])
        self._services = ensure_services(self.settings)
        self.settings = adopt(self._services.services, ensure_secret_key(self.settings))
        migrate_now(self.settings)

    @property
    def servers(self) -> list[Running]:
        """The embedded servers among it."""
        return self._services.running if self._services else []

    def close(self) -> None:
        """End the servers that were started here."""
        self.supervisor.stop()
        if self._services:
            self._services.stop()

    def _guard(self) -> None:
        if self._services is None or time.monotonic() < self._look_at:
            return
        try:
            self._services.revive()
        except Unavailable as error:
            # The others live on: they wait for a database or a queue that is away, and lose nothing by it.
            self.supervisor.console.show("servers", f"{error} Trying again in {AGAIN:g} s.")
            self._look_at = time.monotonic() + AGAIN


def processes(settings: Settings) -> list[Process]:
    """Web, workers, schedule and the mailbox for bounces."""
    host, port = host_port(settings.bind)
    web = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", str(settings.web_processes), "--blocking-threads", str(settings.web_threads)),
        *("--workers-kill-timeout", "5", "--no-access-log", "--log-level", "error", "wsgi:app"),
    ]
    mailbox = listens(*host_port(settings.bounce_listen))
    return [
        Process("web", web, env={"PYTHONPATH": str(ROOT)}, ready=answers(host, port, "/healthz")),
        *(Process(f"worker-{number}", command("worker"), after="web") for number in range(1, settings.workers + 1)),
        Process("schedule", command("schedule"), after="web"),
        Process("bounces", command("bounces", "listen"), ready=mailbox, after="web"),
    ]


def catcher_process(settings: Settings) -> Process:
    """The mail catcher: takes every mail, delivers none, shows them on a page."""
    ready = answers(*host_port(settings.catcher_page), "/status")
    return Process("catcher", command("simulator", "--quiet"), ready=ready, after="web")


def command(*words: str) -> list[str]:
    """A `merpati` command with this interpreter."""
    return [sys.executable, "-m", "app.cli", *words]


def check_ports(settings: Settings, extra: Sequence[str]) -> None:
    """Raise before anything starts when a port is in use."""
    check_port_free(settings.bind, what="web server", setting="MERPATI_BIND")
    check_listener(settings)
    if extra:
        check_port_free(settings.catcher_listen, what="mail catcher", setting="MERPATI_CATCHER_LISTEN")
        check_port_free(settings.catcher_page, what="mail catcher's page", setting="MERPATI_CATCHER_PAGE")


def check_listener(settings: Settings) -> None:
    """Raise before it starts when the mailbox for bounces could not listen."""
    check_port_free(settings.bounce_listen, what="mailbox for bounces", setting="MERPATI_BOUNCE_LISTEN")


def migrate_now(settings: Settings) -> None:
    """Migrate where it is needed; telling that it is not costs one query, not the weight of a migration tool."""
    if _is_migrated(settings):
        return
    from sqlalchemy import create_engine

    from app.core.migrations import migrate
    from app.core.settings import sqlalchemy_url

    engine = create_engine(sqlalchemy_url(settings.database_url))
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _is_migrated(settings: Settings) -> bool:
    import psycopg

    newest = max(path.name for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py")).partition("_")[0]
    try:
        with psycopg.connect(libpq_url(settings.database_url), connect_timeout=5) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return row is not None and row[0] == newest


def answers(host: str, port: int, path: str) -> Callable[[], bool]:
    """Whether a web server gives a 200."""

    def ask() -> bool:
        connection = HTTPConnection(_reachable(host), port, timeout=1)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return ask


def listens(host: str, port: int) -> Callable[[], bool]:
    """Whether something takes connections there."""
    import socket

    def ask() -> bool:
        try:
            socket.create_connection((_reachable(host), port), timeout=1).close()
        except OSError:
            return False
        return True

    return ask


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what a server binds, we reach here


def _greet(settings: Settings, begin: float, catcher: bool) -> None:
    from app.factory import create_app

    with create_app(settings, web=False).app_context():
        from app.accounts.setup import has_owner
        from app.shell.people import make_owner_link

        first = None if has_owner() else make_owner_link()
    click.echo(f"Merpati is at {settings.base_url} (ready in {time.monotonic() - begin:.1f} s; Ctrl-C ends it)")
    if first:
        click.echo(f"Create the owner with this link; it works once, within a day:\n  {first}")
    if catcher:
        click.echo(words_at_start(ways_out(settings), f"http://{settings.catcher_page}/."))
