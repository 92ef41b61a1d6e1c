"""The embedded Valkey: durable, on a unix socket only."""

import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from app.runtime.binaries import find_valkey, program_for
from app.runtime.children import SERVER_ENVIRONMENT, spawn
from app.runtime.places import Places, make_private


@dataclass(frozen=True)
class Valkey:
    """The embedded Valkey of one home."""

    places: Places

    title = "Valkey"
    stop_signal = signal.SIGTERM

    @property
    def folder(self) -> Path:
        return self.places.servers / "valkey"

    @property
    def log(self) -> Path:
        return self.places.logs / "valkey.log"

    @property
    def socket(self) -> Path:
        return self.places.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    @property
    def is_new(self) -> bool:
        return not (self.folder / "data").exists()

    def answers(self) -> bool:
        """Whether it says PONG: not while it loads its data."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def launch(self, alive: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
        program = program_for(self.places.user, find_valkey(), self.folder)
        data = self.folder / "data"
        make_private(data, self.places.user)
        self.socket.unlink(missing_ok=True)
        return spawn(
            [str(program.path), *self._flags(data)],
            output=output,
            death_signal=self.stop_signal,
            user=self.places.user,
            directory=data,
            env=SERVER_ENVIRONMENT,
            keep_open=[alive],
        )

    def complete(self) -> None:
        """Nothing: an empty Valkey is ready for use."""

    def _flags(self, data: Path) -> list[str]:
        # No TCP port; what is queued survives a restart; when memory is full a write fails rather than a job vanishing.
        flags = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        return [*flags, "--dir", str(data), "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""]
