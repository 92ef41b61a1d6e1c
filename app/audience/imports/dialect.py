"""How the rows of a text are told apart: separator, quotes, heading."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from app.audience.addresses import normalise
from app.core.errors import Invalid

SEPARATORS = (",", ";", "\t", "|")
LOOK_AT = 200
"""Rows that are enough to tell."""
_HINT = re.compile(r'\A"?sep=(.)"?\s*\Z').match
"""The first line by which Excel is told the separator."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """All it takes to read the rows of a file."""

    encoding: str
    mark: int = 0
    """Bytes of the byte-order mark."""
    separator: str = ","
    escape: str = ""
    """A backslash where quotes within quotes are escaped so; else they are doubled."""
    skip_space: bool = False
    skip_lines: int = 0
    has_header: bool = True

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> "Dialect":
        return cls(**given)

    def reader_options(self) -> dict[str, Any]:
        """Arguments of `csv.reader`. Strict: a stray quote spoils one row instead of swallowing the next."""
        return {
            "delimiter": self.separator,
            "escapechar": self.escape or None,
            "skipinitialspace": self.skip_space,
            "strict": True,
        }


@dataclass(frozen=True, slots=True)
class _Reading:
    dialect: Dialect
    rows: list[list[str]]

    def score(self) -> tuple[bool, float, int]:
        """How well the rows read: is there a column of addresses, how even are they, how many columns."""
        widths = Counter(map(len, self.rows))
        width, times = max(widths.items(), key=lambda found: (found[1], found[0]), default=(1, 0))
        return any(email_columns(self.rows)), round(times / max(1, len(self.rows)), 2) if width > 1 else 0.0, width


def detect_dialect(lines: Sequence[str], encoding: str, mark: int) -> tuple[Dialect, list[list[str]]]:
    """The dialect in which the first lines read best, and their rows in it, heading included."""
    skip = 1 if lines and _HINT(lines[0]) else 0
    told = _HINT(lines[0]) if skip else None
    sample = lines[skip:]
    escapes = ("", "\\") if any('\\"' in line for line in sample) else ("",)
    readings = [
        _read(sample, Dialect(encoding, mark, separator, escape, _has_space(sample, separator), skip))
        for separator in ((told[1],) if told else SEPARATORS)
        for escape in escapes
    ]
    best = max(readings, key=_Reading.score)
    if not best.rows:
        raise Invalid("The file has no rows. Choose a CSV file with a row for each person.", field="file")
    header = _is_header(best.rows)
    dialect = Dialect(**{**best.dialect.to_dict(), "has_header": header})
    return dialect, best.rows


def email_columns(rows: Sequence[Sequence[str]]) -> list[bool]:
    """For each column, whether most of its filled cells are e-mail addresses. The first row may be a heading."""
    body = rows[1:] or rows
    width = max(map(len, rows), default=0)
    return [_mostly_addresses([row[column] for row in body if column < len(row)]) for column in range(width)]


def _read(lines: Sequence[str], dialect: Dialect) -> _Reading:
    reader = csv.reader(lines, **dialect.reader_options())
    rows: list[list[str]] = []
    while len(rows) < LOOK_AT:
        try:
            rows.extend(row for row in islice(reader, LOOK_AT - len(rows)) if any(row))
            break
        except csv.Error:
            rows.append([""])  # counts against the evenness of this reading
    return _Reading(dialect, rows)


def _has_space(lines: Sequence[str], separator: str) -> bool:
    return any(f'{separator} "' in line for line in lines)


def _mostly_addresses(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()][:LOOK_AT]
    return bool(filled) and 2 * sum(_is_address(cell) for cell in filled) >= len(filled)


def _is_address(cell: str) -> bool:
    try:
        normalise(cell)
    except Invalid:
        return False
    return True


def _is_header(rows: list[list[str]]) -> bool:
    return not any(_is_address(cell) for cell in rows[0])
