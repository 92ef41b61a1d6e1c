"""Signals as something to wait for, so that nothing is interrupted half way."""

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ASKS_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """How often we were asked to stop; `wait` returns early for such a request and for the end of a child."""

    def __init__(self) -> None:
        self.stops = 0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def wait(self, seconds: float) -> None:
        select.select([self._reader], [], [], max(seconds, 0))
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            return

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self.stops += 1


@contextmanager
def caught_signals() -> Iterator[Signals]:
    """For the block, Ctrl-C and its kin only count. For the main thread."""
    signals = Signals()
    # Under nohup, or in the background of a script, the shell has some of them ignored; so they stay.
    heard = [number for number in _ASKS_TO_STOP if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signals._note) for number in heard}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    wakeup = signal.set_wakeup_fd(signals._writer.fileno(), warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        signals._reader.close()
        signals._writer.close()
