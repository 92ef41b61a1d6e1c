"""The parts of a mail, found in bounded time: size, depth and number of parts are limited, and nothing raises.

Splitting is done here and not by the standard library, whose parser tests every line against every open boundary and
recurses per level: a hostile mail of a megabyte can hold it for minutes.
"""

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar, cast

from app.mail.charsets import text_of, transfer_decoded
from app.mail.fields import MAX_FIELDS, Fields, parameter, read_fields

MAX_SIZE = 1024 * 1024
"""What lies behind is not read: reports come before the returned mail."""
MAX_DEPTH = 8
MAX_PARTS = 100
MAX_LINES = 5000
"""Of the headers of all parts together."""

_HEAD_END = re.compile(rb"\n\n|\A\n")
_GUESSED_BOUNDARY = re.compile(rb"^--(\S[^\n]{0,99})\nContent-", re.MULTILINE | re.IGNORECASE)
_ENCLOSED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its header, its content without transfer encoding, and the parts inside it."""

    header: Fields
    content_type: str
    content: bytes
    parts: tuple["Part", ...] = ()
    answers: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was asked of it `once`."""

    @property
    def text(self) -> str:
        """The content as text."""
        return _text(self)

    @property
    def is_enclosed_mail(self) -> bool:
        """Whether this holds another mail, or its header: then `parts` has that mail."""
        return self.content_type in _ENCLOSED

    def walk(self) -> Iterator["Part"]:
        """This part and all in it, but not what is inside an enclosed mail."""
        yield self
        if not self.is_enclosed_mail:
            for part in self.parts:
                yield from part.walk()


_Answer = TypeVar("_Answer")


def once(question: Callable[[Part], _Answer]) -> Callable[[Part], _Answer]:
    """The same question, worked out once for each part: hostile mail has many parts, and each a reason to ask again."""

    @wraps(question)
    def asked(part: Part) -> _Answer:
        if question not in part.answers:
            part.answers[question] = question(part)
        return cast(_Answer, part.answers[question])

    return asked


@once
def _text(part: Part) -> str:
    return text_of(part.content, parameter(part.header.get("Content-Type"), "charset") or "utf-8")


@dataclass(slots=True)
class _Budget:
    parts: int = field(default=MAX_PARTS)
    lines: int = field(default=MAX_LINES)


def read_parts(raw: bytes, *, most: int = MAX_SIZE) -> Part:
    """The mail as a tree of parts, whatever the bytes; of no more than `most` of them."""
    plain = raw[:most].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n")
    if plain.startswith((b"From ", b">From ")):
        plain = plain[plain.find(b"\n") + 1 :]
    return _read(plain, 0, _Budget())


def _read(raw: bytes, depth: int, budget: _Budget) -> Part:
    end = _HEAD_END.search(raw)
    head, body = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    lines = min(budget.lines, MAX_FIELDS)
    header = read_fields(head, lines)
    budget.lines -= min(lines, head.count(b"\n") + 1)
    content_type = header.get("Content-Type").partition(";")[0].strip().lower() or "text/plain"
    if depth < MAX_DEPTH:
        if content_type.startswith("multipart/"):
            # Without a single boundary it is one text, whatever its header says.
            pieces = _split(body, parameter(header.get("Content-Type"), "boundary")) or [b"\n" + body]
            return Part(header, content_type, body, tuple(_within(pieces, depth, budget)))
        body = _content(body, header.get("Content-Transfer-Encoding"))
        if content_type in _ENCLOSED:
            return Part(header, content_type, body, tuple(_within([body.lstrip(b"\n")], depth, budget)))
    return Part(header, content_type, body)


def _content(body: bytes, encoding: str) -> bytes:
    if len(body) > MAX_SIZE and encoding.strip().lower() == "base64":
        # A large file is whole, or is of no use: it is not combed for damage, which costs four times its size. That
        # it was cut is allowed for, so that whoever reads it can say that it is too large.
        digits = body.translate(None, b" \t\n")
        try:
            return binascii.a2b_base64(digits[: len(digits) // 4 * 4])
        except binascii.Error:
            return b""
    return transfer_decoded(body, encoding)


def _split(body: bytes, boundary: str) -> list[bytes]:
    """The pieces between the boundary's lines. A missing boundary is guessed."""
    mark = boundary.encode("utf-8", "replace")
    if not mark or b"--" + mark not in body:
        guess = _GUESSED_BOUNDARY.search(body)
        if guess is None:
            return []
        mark = guess[1].rstrip()
    # A line's beginning is a newline also for the first line: a fixed beginning is searched many times faster.
    lines = re.split(rb"\n--%s(?:--)?[ \t]*(?=\n|\Z)" % re.escape(mark), b"\n" + body, maxsplit=MAX_PARTS)
    return [piece.removeprefix(b"\n") for piece in lines[1:]]


def _within(pieces: list[bytes], depth: int, budget: _Budget) -> Iterator[Part]:
    for piece in pieces:
        if budget.parts <= 0 or not piece or piece.isspace():
            continue
        budget.parts -= 1
        yield _read(piece, depth + 1, budget)
