"""Limits of one visit: how long it takes, how much is read. A server may be slow, broken, or somebody's trap."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.tracking.mailboxes.account import MailboxTrouble

LARGEST = 30 * 1024 * 1024
"""Octets of a mail; larger ones stay where they are."""
LONGEST_LINE = 8 * 1024 * 1024
SILENCE = 30.0
"""Seconds without a single octet."""
VISIT = 300.0
"""Seconds for everything."""
MOST_LINES = 100_000
"""Of one answer, which has a line for each mail at most; and of an IMAP visit."""
MOST_OF_A_MAIL = 1_000_000
"""Lines; the largest mail has less than half as many, since files in it have 76 characters to a line."""
_EVERYTHING = 256 * 1024 * 1024
_ALL_LINES = 4_000_000
"""Each costs time, however short it is."""


class Bounds:
    """What is left of a visit's octets and lines."""

    def __init__(self, octets: int = _EVERYTHING, lines: int = _ALL_LINES) -> None:
        self._left, self._lines = octets, lines
        self._pieces = 0

    def asked(self) -> None:
        """Another question goes out: its answer may hold one large piece, or many small ones."""
        self._pieces = LARGEST + 1024

    def announced(self, octets: int) -> None:
        """A server says how long the next piece is, before it is read. Raises MailboxTrouble."""
        self._pieces -= max(octets, 0)
        if self._pieces < 0:
            raise MailboxTrouble(
                f"The server announced a piece of {octets} octets, more than was asked for. The visit was ended; "
                "what was read before is kept."
            )

    def read(self, octets: int) -> None:
        """Count what has come. Raises MailboxTrouble when it is too much."""
        self._left -= octets
        if self._left < 0:
            raise MailboxTrouble("The server sent more than one visit may take. It goes on with the next visit.")

    def read_line(self, octets: int) -> None:
        """Count a line. Raises MailboxTrouble when there are too many, or too long ones."""
        self.read(octets)
        self._lines -= 1
        if self._lines < 0:
            raise MailboxTrouble("The server sent more lines than one visit may take. It goes on with the next visit.")


@contextmanager
def watched(line: socket.socket, seconds: float) -> Iterator[None]:
    """Within the block, the line is cut when time is up: whoever waits for its next octet gets an error."""
    # A hold of our own on the connection: encryption that begins on the way makes another object of the line, and
    # whoever drips may do so in the middle of that.
    hold = socket.fromfd(line.fileno(), line.family, line.type)
    timer = threading.Timer(seconds, _hang_up, [hold])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        hold.close()


def _hang_up(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already
