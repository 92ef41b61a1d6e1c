"""Bytes in pieces → lines with their ends, in a stream of constant size."""

import codecs
import io
from collections.abc import Iterable, Iterator

from app.audience.imports.dialect import Dialect
from app.audience.imports.encoding import DAMAGE
from app.core.errors import Invalid

MAX_LINE = 4 * 1024 * 1024
"""Characters without a line's end at which the file is no table any more."""
SLICE = 128 * 1024
"""Bytes decoded at once: letters take up to four times as much memory on their way."""


class Lines:
    """The lines of a file; `bytes_read` tells how far it got, `is_damaged` whether a line may hold what is no text."""

    def __init__(self, pieces: Iterable[bytes], dialect: Dialect) -> None:
        self.bytes_read = 0
        self.is_damaged = False
        self._pieces = pieces
        self._dialect = dialect

    def __iter__(self) -> Iterator[str]:
        skip = self._dialect.skip_lines
        rest = ""
        for text in self._texts():
            *lines, rest = self._cut(rest + text)
            for line in lines:
                if skip:
                    skip -= 1
                else:
                    yield line
        if rest and not skip:
            yield rest

    def _texts(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self._dialect.encoding)(DAMAGE)
        mark = self._dialect.mark
        for piece in self._pieces:
            for start in range(0, len(piece), SLICE):
                part = piece[start : start + SLICE]
                self.bytes_read += len(part)
                text = decoder.decode(part[mark:])
                mark = 0
                self.is_damaged = self.is_damaged or not is_clean(text)
                yield text
        tail = decoder.decode(b"", True)
        self.is_damaged = self.is_damaged or not is_clean(tail)
        yield tail

    def _cut(self, text: str) -> list[str]:
        """The lines, and last what may go on in the next piece: a line without end, or one that ends in half a CRLF."""
        lines = list(io.StringIO(text, newline=""))
        if not lines or lines[-1].endswith("\n"):
            lines.append("")
        if len(lines[-1]) > MAX_LINE:
            raise Invalid(
                f"A line has more than {MAX_LINE:,} characters, so the file is not a table of people from there on: "
                f"{lines[-1][:60]!r}… What stood before it is imported. Repair the file and import it again."
            )
        return lines


def is_clean(text: str) -> bool:
    """Whether a text can be stored: no NUL, and no byte that could not be read."""
    if text.isascii():
        return "\x00" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def shown(text: str) -> str:
    """A damaged text for people to read: bytes that are no letters as \\xe9, NUL as \\x00."""
    if is_clean(text):
        return text
    letters = (
        f"\\x{ord(letter) & 0xFF:02x}" if letter == "\x00" or "\ud800" <= letter <= "\udfff" else letter
        for letter in text
    )
    return "".join(letters)
