"""Start one embedded server, or find it running. The same rules for PostgreSQL and Valkey.

Three locks in the server's folder, each held by the kernel for as long as its holder lives:
`start.lock` by whoever is starting it; `alive.lock` by the server, which inherits it, so by every process of it that is
left; `owner.lock` by the process that started it and will stop it. No process id is trusted to tell whether it lives.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from app.core.errors import Unavailable
from app.runtime.children import CHILDREN_END_WITH_US
from app.runtime.locks import locked, try_lock
from app.runtime.logs import last_lines, open_log

START_SECONDS = 600
"""After a crash PostgreSQL replays its log before it answers. That can take minutes; giving up would start it over."""

LEAVING_SECONDS = 60
_PATIENCE = 10
"""Seconds in which a dead server's owner may start it again, or whoever looked at a lock has let go of it."""
_DYING_SECONDS = 3
_TICK = 0.02

Say = Callable[[str], None]


class Server(Protocol):
    """What differs between the servers."""

    @property
    def title(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def log(self) -> Path: ...
    @property
    def stop_signal(self) -> signal.Signals: ...
    @property
    def is_new(self) -> bool: ...

    def answers(self) -> bool:
        """Whether it takes work at this moment."""
        ...

    def launch(self, alive: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Clean up after a dead one, and start; the server inherits the descriptor `alive`."""
        ...

    def complete(self) -> None:
        """What a newly started server still needs before its first use."""
        ...


@dataclass
class Running:
    """A server that answers. `owner` is the descriptor of the owner lock, when it is ours to stop."""

    server: Server
    owner: int | None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        return int((self.server.folder / "pid").read_text())

    @property
    def has_ended(self) -> bool:
        """Whether the server, ours or not, is no longer there."""
        return self.process.poll() is not None if self.process else not _is_left(self.server, 0)

    def stop(self) -> None:
        """End the server if it is ours; the second and third signal are for one that does not listen."""
        if self.owner is None:
            return
        for stop_signal, seconds in (
            (self.server.stop_signal, LEAVING_SECONDS),
            (signal.SIGQUIT, 10),
            (signal.SIGKILL, 10),
        ):
            if self._end(stop_signal, seconds):
                break
        os.close(self.owner)
        self.owner = None

    def _end(self, stop_signal: signal.Signals, seconds: float) -> bool:
        if self.process is None:
            if not _is_left(self.server, 0):
                return True
            os.kill(self.pid, stop_signal)
            return not _is_left(self.server, seconds)
        self.process.send_signal(stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def ensure(server: Server, say: Say) -> Running:
    """The server, answering: the one that runs, or a new one. Raises Unavailable when it does not come up."""
    end = time.monotonic() + _PATIENCE
    while (running := _ensure(server, say)) is None:
        if time.monotonic() > end:
            raise Unavailable(f"Another process holds {server.folder}. Nothing was changed. Start again in a moment.")
        time.sleep(_TICK)
    return running


def _ensure(server: Server, say: Say) -> Running | None:
    """None when it neither runs nor may be started by us just now: another process has one of its locks."""
    with locked(server.folder / "start.lock"):
        owner = try_lock(server.folder / "owner.lock")
        running = None
        try:
            if _find(server, is_orphan=owner is not None):
                running = Running(server, owner)
            elif owner is not None:
                running = _start(server, owner, say)
            return running
        finally:
            if owner is not None and running is None:
                os.close(owner)


def _find(server: Server, *, is_orphan: bool) -> bool:
    """Whether it runs and answers. One that is starting, stopping or recovering is waited for."""
    if is_orphan and CHILDREN_END_WITH_US and not _is_left(server, _DYING_SECONDS):
        return False  # its owner was killed, so it was told to end; what answered a moment ago is not to be relied on
    end = time.monotonic() + LEAVING_SECONDS
    while time.monotonic() < end:
        if server.answers():
            return True
        if not _is_left(server, _TICK):
            return False
    raise Unavailable(
        f"A {server.title} runs on {server.folder}, but has not answered for {LEAVING_SECONDS} seconds. "
        f"Nothing was changed. See {server.log}, end it, and start again."
    )


def _is_left(server: Server, seconds: float) -> bool:
    """Whether any process of the server is alive after waiting at most so long for the last to end."""
    end = time.monotonic() + seconds
    while True:
        alive = try_lock(server.folder / "alive.lock")
        if alive is not None:
            os.close(alive)
            return False
        if time.monotonic() >= end:
            return True
        time.sleep(_TICK)


def _start(server: Server, owner: int, say: Say) -> Running | None:
    alive = try_lock(server.folder / "alive.lock")
    if alive is None:
        return None
    if server.is_new:
        say(f"Preparing {server.title} for its first start.")
    try:
        with open_log(server.log) as output:
            began = output.tell()
            process = server.launch(alive, output)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(
            f"{server.title} could not be started: {error}. Nothing was changed. "
            "Start Merpati as an ordinary user, or set DATABASE_URL and REDIS_URL."
        ) from error
    finally:
        os.close(alive)
    (server.folder / "pid").write_text(f"{process.pid}\n")
    running = Running(server, owner, process)
    try:
        _await(running, began, say)
        server.complete()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return running


def _await(running: Running, began: int, say: Say) -> None:
    server, start = running.server, time.monotonic()
    told = False
    while not server.answers():
        if running.has_ended:
            raise Unavailable(
                f"{server.title} ended right after its start. Its data was kept. It said:\n"
                + "\n".join(last_lines(server.log, since=began))
            )
        waited = time.monotonic() - start
        if waited > START_SECONDS:
            raise Unavailable(f"{server.title} did not answer within {START_SECONDS} seconds. See {server.log}.")
        if waited > 5 and not told:
            say(f"{server.title} is still starting; after a crash it first repairs its data, which can take minutes.")
            told = True
        time.sleep(_TICK)
