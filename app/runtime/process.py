"""One process under the supervisor's care."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.runtime.children import spawn
from app.runtime.console import Tail
from app.runtime.logs import last_lines, open_log, turn_over

STEADY_SECONDS = 60
"""A process that ran so long before it ended starts again without a growing delay."""

_FIRST_DELAY = 0.5


@dataclass(frozen=True)
class Process:
    """A program to keep running. `ready` tells whether it does its work yet; without it, being alive is enough.

    `after` names a process that must be ready first: where cores are few, what people wait for comes before the rest.
    `longest_delay` bounds the seconds that one which fails again and again waits for its next start.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    after: str = ""
    restart: bool = True
    longest_delay: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15


class Child:
    """A process as it goes: started, ready, ended, to be started again."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.end_is_noted = False
        self.is_ready = False
        self.restarts = 0
        self.again_at: float | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._began = 0
        self._tail: Tail | None = None
        self._started = 0.0
        self._failures = 0

    @property
    def has_begun(self) -> bool:
        """Whether it was ever started."""
        return self._popen is not None

    @property
    def pid(self) -> int:
        return self._popen.pid if self._popen else 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal, as in `subprocess`."""
        return self._popen.poll() if self._popen else None

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self, keep_open: Sequence[int]) -> None:
        self.again_at = None
        self.end_is_noted = False
        self._started = time.monotonic()
        with open_log(self.log) as output:
            self._began = output.tell()
            self._popen = spawn(
                list(self.process.argv),
                output=output,
                death_signal=self.process.stop_signal,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.process.env},
                keep_open=keep_open,
            )
        self._tail = self._tail or Tail(self.log, self._began)

    def check_ready(self) -> bool:
        self.is_ready = self.is_ready or (self.has_begun and (self.process.ready is None or self.process.ready()))
        return self.is_ready

    def plan_restart(self) -> float:
        """Seconds until the next start: twice as long after each failure in a row."""
        now = time.monotonic()
        self._failures = 0 if now - self._started >= STEADY_SECONDS else self._failures
        delay: float = min(_FIRST_DELAY * 2**self._failures, self.process.longest_delay)
        self._failures += 1
        self.restarts += 1
        self.again_at = now + delay
        return delay

    def signal(self, number: signal.Signals) -> None:
        if self._popen and self.is_running:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it and all it left running, at once."""
        if self._popen:
            # Also when it has ended: a web server's main process that crashes leaves its workers, which keep the port.
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def new_lines(self, *, everything: bool) -> list[str]:
        lines = self._tail.new_lines(everything=everything) if self._tail else []
        turn_over(self.log)
        return lines

    def last_words(self) -> str:
        return "\n".join(last_lines(self.log, since=self._began)) or "(nothing)"

    def describe_end(self) -> str:
        code = self.exit_code or 0
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"
