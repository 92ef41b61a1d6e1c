"""SMTP replies out of a stream of bytes (RFC 5321 §4.2), whatever the bytes are."""

import re
from functools import lru_cache
from typing import NamedTuple

from app.core.errors import TemporaryFailure

LONGEST_LINE = 8 * 1024
LONGEST_REPLY = 32 * 1024
"""RFC 5321 §4.5.3.1.5 promises lines of 512; some servers say more, none says this much."""

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


class Reply(NamedTuple):
    """A complete reply; `text` is without codes, the lines of a longer one divided by newlines."""

    code: int
    text: str

    @property
    def words(self) -> str:
        """As the server said it, for people."""
        return f"{self.code} {' '.join(self.text.split())}".strip()


class BadReply(TemporaryFailure):
    """The other side does not speak SMTP, or does not stop speaking."""


class ReplyReader:
    """Collects bytes until replies are complete.

    What is read before the nonsense begins still counts, so `feed` never raises: `broken` tells what was met.
    """

    __slots__ = ("_lines", "_rest", "_size", "broken")

    def __init__(self) -> None:
        self.broken: BadReply | None = None
        self._rest = b""
        self._lines: list[str] = []
        self._size = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of a next reply has come yet."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now, in order."""
        if self.broken:
            return []
        *lines, self._rest = (self._rest + data if self._rest else data).split(b"\n")
        replies: list[Reply] = []
        for line in lines:
            read = _read_line(line)
            if read is None:
                shown = line[:80].decode("ascii", "replace")
                self.broken = BadReply(f"The mail server sends something that is not SMTP: {shown!r}.")
                return replies
            reply, is_last = read
            if self._lines or not is_last:
                self._size += len(line)
                self._lines.append(reply.text)
                if not is_last:
                    continue
                # Where the codes of the lines differ, the last one is the verdict, as other clients read it.
                reply = Reply(reply.code, "\n".join(self._lines))
                self._lines, self._size = [], 0
            replies.append(reply)
        if len(self._rest) > LONGEST_LINE or self._size > LONGEST_REPLY or len(self._lines) > LONGEST_REPLY // 8:
            self.broken = BadReply("The mail server sends a reply that does not end.")
        return replies


@lru_cache(maxsize=256)
def _read_line(line: bytes) -> tuple[Reply, bool] | None:
    """A line and whether it is its reply's last. Kept, because a server says the same few things thousands of times."""
    found = _LINE.fullmatch(line.rstrip())
    if found is None:
        return None
    code, mark, text = found.groups(b"")
    return Reply(int(code), text.decode("utf-8", "replace").replace("\0", " ")), mark != b"-"
