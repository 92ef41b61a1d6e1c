"""The worker's journal: what was handed over and what was answered, readable after `kill -9`.

A file of groups, one per turn of the event loop: length, CRC-32, then entries. `H` names a message whose body is
about to leave; it is written before the first byte of the body. `A` is an outcome. The page cache survives the death
of the process, so nothing is synced; it does not survive the death of the machine, which is why the file names the
boot it was written in.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from zlib import crc32

from app.messages.lifecycle import State
from app.sending.verdicts import Outcome

MAGIC = b"merpati journal 1\n"
_GROUP = struct.Struct("<II")
_HANDED = struct.Struct("<cQ")
_ANSWER = struct.Struct("<cQdBBHH")
_STATES = tuple(State)
_NUMBERS = {state: number for number, state in enumerate(_STATES)}
_SENT = _NUMBERS[State.SENT]
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Record:
    """What a journal says. `in_doubt`: handed over and never answered."""

    is_this_boot: bool
    transport: str = ""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    in_doubt: set[int] = field(default_factory=set)


class Journal:
    """An open journal, locked for as long as its process lives. Raises OSError when the disk is full."""

    def __init__(self, path: Path, transport: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        head = _head() + transport.encode() + b"\n"
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._end = os.write(self._file, head)
            if self._end != len(head):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            # Nothing was handed over yet: no trace must stay, neither on the disk nor in this process.
            self.close(remove=True)
            raise

    def write(self, entries: list[bytes]) -> None:
        """Append entries as one group; when this returns, they outlive the process."""
        body = b"".join(entries)
        group = _GROUP.pack(len(body), crc32(body)) + body
        written = os.write(self._file, group)
        if written != len(group):
            # A torn group would hide what is written behind it.
            os.ftruncate(self._file, self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += written

    def close(self, *, remove: bool) -> None:
        """Let the lock go; `remove` when every outcome stands in the database."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self._file)


def handed(message_id: int) -> bytes:
    """The entry before a hand-over."""
    return _HANDED.pack(b"H", message_id)


def sent(message_id: int, at: float, code: int, reply: bytes) -> bytes:
    """The entry of a message that was taken."""
    return _ANSWER.pack(b"A", message_id, at, _SENT, 0, code, len(reply)) + reply


def answered(outcome: Outcome) -> bytes:
    """The entry of any outcome."""
    words = "\n".join((outcome.status, outcome.reason, outcome.reply)).encode("utf-8", "replace")[:65_000]
    state, number = _NUMBERS[outcome.state], outcome.message_id
    flags = 2 | outcome.suppress | outcome.is_kept << 2
    return _ANSWER.pack(b"A", number, outcome.at, state, flags, outcome.code, len(words)) + words


def lock(path: Path) -> int | None:
    """A descriptor that holds the journal of a dead process; None while its owner lives. Raises FileNotFoundError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(errno.ENOENT, "not a file, so no journal", str(path))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def read(data: bytes) -> Record:
    """What the journal says, up to the first group that is torn or damaged."""
    head, transport, rest = data[: len(_head())], *data[len(_head()) :].partition(b"\n")[::2]
    record = Record(is_this_boot=head == _head(), transport=transport.decode("utf-8", "replace"))
    for number, outcome in _entries(rest):
        if outcome is None:
            record.in_doubt.add(number)
            record.outcomes.pop(number, None)
        else:
            record.outcomes[number] = outcome
            record.in_doubt.discard(number)
    return record


def enhanced(text: str) -> str:
    """The enhanced status code a reply begins with (RFC 2034 §4), or nothing."""
    return text.partition(" ")[0] if text[1:2] == "." and text[:1] in "245" else ""


def _head() -> bytes:
    """What a journal begins with; it names the time since this machine was started."""
    return MAGIC + _BOOT_ID.read_bytes()[:36]


def _entries(data: bytes) -> Iterator[tuple[int, Outcome | None]]:
    at = 0
    while at + _GROUP.size <= len(data):
        length, checksum = _GROUP.unpack_from(data, at)
        body = data[at + _GROUP.size : at + _GROUP.size + length]
        if len(body) != length or crc32(body) != checksum:
            return
        yield from _group(body)
        at += _GROUP.size + length


def _group(body: bytes) -> Iterator[tuple[int, Outcome | None]]:
    at = 0
    while at < len(body):
        if body[at : at + 1] == b"H":
            _kind, number = _HANDED.unpack_from(body, at)
            at += _HANDED.size
            yield number, None
        else:
            _kind, number, moment, state, flags, code, length = _ANSWER.unpack_from(body, at)
            at += _ANSWER.size
            words = body[at : at + length].decode("utf-8", "replace")
            at += length
            status, reason, reply = words.split("\n", 2) if flags & 2 else (enhanced(words), "", words)
            is_dead, is_kept = bool(flags & 1), bool(flags & 4)
            yield number, Outcome(number, moment, _STATES[state], code, status, reason, reply, is_dead, is_kept=is_kept)
