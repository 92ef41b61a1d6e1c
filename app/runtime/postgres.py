"""The embedded PostgreSQL: its files, its settings, its start."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg

from app.core.errors import SettingsError, Unavailable
from app.core.settings import socket_database_url
from app.runtime.binaries import Program, find_postgres, program_for
from app.runtime.children import SERVER_ENVIRONMENT, is_alive, spawn
from app.runtime.places import Places, make_private

USER = DATABASE = "merpati"

SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "synchronous_commit": "on",
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Statements and DETAIL lines carry people's addresses, which stay out of the logs.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True)
class Postgres:
    """The embedded PostgreSQL of one home; `options` override SETTINGS."""

    places: Places
    options: Mapping[str, str] = field(default_factory=dict)

    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": ends sessions, writes everything out

    @property
    def folder(self) -> Path:
        return self.places.servers / "postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.places.logs / "postgres.log"

    @property
    def url(self) -> str:
        return socket_database_url(self.places.sockets, user=USER, name=DATABASE)

    @property
    def is_new(self) -> bool:
        return not self.data.exists()

    def answers(self) -> bool:
        """Whether it takes connections: not while it starts, recovers or stops."""
        if not (self.places.sockets / ".s.PGSQL.5432").exists():
            return False
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            return "too many clients" in str(error)
        return True

    def launch(self, alive: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
        program = program_for(self.places.user, find_postgres(), self.folder)
        if not self.data.exists():
            self._initialise(program, output)
        self._check_version(program)
        self._forget_strangers()
        return spawn(
            [str(program.path), "-D", str(self.data), "-c", f"config_file={self._write_settings()}"],
            output=output,
            death_signal=self.stop_signal,
            user=self.places.user,
            directory=self.data,
            env=SERVER_ENVIRONMENT,
            keep_open=[alive],
        )

    def complete(self) -> None:
        with self._connect() as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self) -> psycopg.Connection:
        url = socket_database_url(self.places.sockets, user=USER, name="postgres")
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _initialise(self, program: Program, output: IO[bytes]) -> None:
        """Make the data directory beside its place and move it there whole, so that an interruption leaves none."""
        unfinished = self.folder / "data.part"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        make_private(unfinished, self.places.user)
        command = [program.sibling("initdb"), "-D", str(unfinished), "-U", USER, "-E", "UTF8", "--data-checksums"]
        command += ["--auth-local=trust", "--auth-host=reject", *_locale(program)]
        if self.options.get("fsync") == "off":
            command.append("--no-sync")
        process = spawn(
            command,
            output=output,
            death_signal=signal.SIGKILL,
            user=self.places.user,
            directory=unfinished,
            env=SERVER_ENVIRONMENT,
        )
        if process.wait() != 0:
            raise Unavailable(f"PostgreSQL could not make its data directory. See {self.log}.")
        unfinished.rename(self.data)

    def _check_version(self, program: Program) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(program.major):
            raise SettingsError(
                f"The database in {self.data} was made by PostgreSQL {made_by}, but the one to start is "
                f"{program.major} ({program.path}). Nothing was changed. Dump it with the old version and restore it "
                "into a new home."
            )

    def _forget_strangers(self) -> None:
        """Remove the pid files of a dead server whose number now belongs to another process, as happens in containers.

        No process of the server is left (we hold its lock), but PostgreSQL would take the stranger for one.
        """
        for file in (self.data / "postmaster.pid", self.places.sockets / ".s.PGSQL.5432.lock"):
            pid = _pid_in(file)
            if pid is not None and is_alive(pid) and not _is_postgres(pid):
                file.unlink()

    def _write_settings(self) -> Path:
        fixed = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.places.sockets),
            "unix_socket_permissions": "0700",
        }
        lines = ["# Written anew at each start. To change a setting for good: ALTER SYSTEM SET."]
        for name, value in {**SETTINGS, **self.options, **fixed}.items():
            quoted = value.replace("'", "''")
            lines.append(f"{name} = '{quoted}'")
        file = self.folder / "postgresql.conf"
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o644)
        return file


def _locale(program: Program) -> list[str]:
    """Byte order for sorting, Unicode for lower and upper case: the same on every machine from PostgreSQL 17 on."""
    if program.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]


def _pid_in(file: Path) -> int | None:
    try:
        return abs(int(file.read_text().split("\n", 1)[0]))
    except (FileNotFoundError, ValueError):
        return None


def _is_postgres(pid: int) -> bool:
    try:
        # Empty for one that has ended, but that a container without an init process never buries.
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        found = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
        return "postgres" in found.stdout
