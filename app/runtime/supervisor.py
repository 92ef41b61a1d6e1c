"""Keeps Merpati's processes running on one machine, from the first start to the last stop."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Self

from app.core.errors import Unavailable
from app.runtime.console import Console
from app.runtime.instance import Instance, claim_instance
from app.runtime.process import Child, Process
from app.runtime.signals import Signals, caught_signals

READY_SECONDS = 60
_TICK = 0.05
_LOOK = 1.0
"""Seconds between two looks into the logs; the end of a child is noticed at once."""


class _StopAsked(Exception):
    pass


class Supervisor:
    """Runs processes and shows their warnings; all their output is in `<home>/logs/<name>.log`.

    `run()` does everything until Ctrl-C. The steps `start()`, `wait_ready()`, `poll()` and `stop()` are for callers
    with a loop of their own. Children end with the thread that started them (Linux), so use it from one that stays.
    `guard` is called about once a second, to look after what is not a child of the supervisor.
    """

    def __init__(
        self,
        processes: Sequence[Process],
        home: Path,
        *,
        guard: Callable[[], None] | None = None,
        verbose: bool = False,
        out: IO[str] | None = None,
    ) -> None:
        self.home = home
        self.children = [Child(process, home / "logs" / f"{process.name}.log") for process in processes]
        self.console = Console([process.name for process in processes], out)
        self._guard = guard
        self._verbose = verbose
        self._instance: Instance | None = None
        self._signals: Signals | None = None

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Start everything, call `on_ready`, keep it running, and stop at Ctrl-C or SIGTERM; a second one kills.

        Raises Unavailable when a process does not come up, Conflict when another supervisor has this home.
        """
        with caught_signals() as self._signals:
            try:
                self.start()
                self.wait_ready()
                if on_ready:
                    on_ready()
                while True:
                    self._pause(self._until_next())
                    self.poll()
            except _StopAsked:
                self.console.say("Stopping. Press Ctrl-C again to stop at once.")
            finally:
                self.stop()
                self._signals = None

    def claim(self) -> None:
        """Make this the only supervisor of the home; `start` does it too. Raises Conflict when there is another."""
        if self._instance is None:
            self._instance = claim_instance(self.home)

    def start(self) -> None:
        """Start side by side all processes that need not come after another one."""
        self.claim()
        for child in self.children:
            if not child.process.after:
                self._start(child)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until every process is ready. Raises Unavailable, with the last words of one that is not."""
        end = time.monotonic() + seconds
        while waiting := [child for child in self.children if not child.check_ready()]:
            self._start_followers()
            begun = [child for child in waiting if child.has_begun]
            self._check_coming_up(begun, late=time.monotonic() > end, seconds=seconds)
            self._pause(_TICK)
        self._check_coming_up(self.children, late=False, seconds=seconds)
        self._show_news()

    def _start_followers(self) -> None:
        ready = {child.process.name for child in self.children if child.is_ready}
        for child in self.children:
            if not child.has_begun and child.process.after in ready:
                self._start(child)

    def poll(self) -> None:
        """Show news, start again what ended; never waits."""
        self._show_news()
        for child in self.children:
            if child.again_at is not None:
                if time.monotonic() >= child.again_at:
                    self._start(child)
            elif child.exit_code is not None and not child.end_is_noted:
                self._mind_end(child)
        if self._guard:
            self._guard()

    def stop(self) -> None:
        """End all processes, the last started first; those of one kind (worker-1, worker-2) together."""
        for group in _kinds(self.children):
            self._stop_group(group)
        self._show_news()
        if self._instance:
            self._instance.release()
            self._instance = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, child: Child) -> None:
        assert self._instance is not None
        child.start([self._instance.children])
        self._instance.record([(other.pid, list(other.process.argv)) for other in self.children if other.pid])

    def _check_coming_up(self, waiting: Sequence[Child], *, late: bool, seconds: float) -> None:
        for child in waiting:
            ended = not child.is_running and (child.process.restart or child.exit_code)
            if ended or late:
                what = child.describe_end() if ended else f"was not ready after {seconds:.0f} seconds"
                raise Unavailable(
                    f"The process {child.process.name} {what}, so Merpati was not started. "
                    f"Its log is {child.log}. It said:\n{child.last_words()}"
                )

    def _mind_end(self, child: Child) -> None:
        name = child.process.name
        child.end_is_noted = True
        child.kill()
        if not child.process.restart:
            if child.exit_code:
                self.console.show(name, f"{child.describe_end()}. Its log: {child.log}")
            return
        delay = child.plan_restart()
        self.console.show(name, f"{child.describe_end()}; starting it again in {delay:g} s. Its log: {child.log}")

    def _show_news(self) -> None:
        for child in self.children:
            for line in child.new_lines(everything=self._verbose):
                self.console.show(child.process.name, line)

    def _stop_group(self, group: Sequence[Child]) -> None:
        for child in group:
            child.signal(child.process.stop_signal)
        begin = time.monotonic()
        while running := [child for child in group if child.is_running]:
            for child in running:
                if self._is_urgent:
                    child.kill()
                elif time.monotonic() - begin > child.process.stop_seconds:
                    child.kill()
                    self.console.show(child.process.name, "did not stop in time and was killed.")
            if self._signals:
                self._signals.wait(_TICK)
            else:
                time.sleep(_TICK)
        for child in group:
            # One whose end nobody had minded yet may have left others, which keep its port and our lock.
            if not child.end_is_noted:
                child.kill()

    @property
    def _is_urgent(self) -> bool:
        return self._signals is not None and self._signals.stops > 1

    def _pause(self, seconds: float) -> None:
        if self._signals is None:
            time.sleep(seconds)
            return
        if not self._signals.stops:
            self._signals.wait(seconds)
        if self._signals.stops:
            raise _StopAsked

    def _until_next(self) -> float:
        planned = [child.again_at - time.monotonic() for child in self.children if child.again_at is not None]
        return min([_LOOK, *planned])


def _kinds(children: Sequence[Child]) -> Iterator[list[Child]]:
    for _, group in groupby(reversed(children), key=lambda child: re.sub(r"-\d+$", "", child.process.name)):
        yield list(group)
