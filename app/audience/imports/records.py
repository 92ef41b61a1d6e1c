"""Lines → rows of cells, and the rows that are none. A bad row costs itself, not its neighbours."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from app.audience.imports.dialect import Dialect
from app.audience.imports.lines import Lines, is_clean, shown


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not taken: why, and how it stood in the file."""

    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of cells and how it stood in the file."""

    cells: list[str]
    raw: str


REASONS = {
    "field larger than field limit": "A field is longer than 131,072 characters; a quotation mark may be missing.",
    "unexpected end of data": "A quotation mark is opened and never closed.",
}


def read_rows(lines: Lines, dialect: Dialect, width: int) -> Iterator[Row | Fault]:
    """The rows below the heading. Empty rows are passed over."""
    rows = _rows(lines, dialect)
    if dialect.has_header:
        next(rows, None)
    for row in rows:
        if isinstance(row, Fault) or (len(row.cells) == width and not lines.is_damaged):
            yield row
        else:
            yield _checked(row, width)


def _rows(lines: Lines, dialect: Dialect) -> Iterator[Row | Fault]:
    raw: list[str] = []
    source = iter(lines)
    again: list[str] = []

    def feed() -> Iterator[str]:
        while again:
            line = again.pop()
            raw.append(line)
            yield line
        for line in source:
            raw.append(line)
            yield line

    ended = False
    while not ended:
        reader = csv.reader(feed(), **dialect.reader_options())
        try:
            for cells in reader:
                if any(cells):
                    yield Row(cells, raw[0] if len(raw) == 1 else "".join(raw))
                raw.clear()
            ended = True
        except csv.Error as error:
            # The reader may have run on over many good lines in search of a quotation mark: give them back.
            bad, *good = raw
            raw.clear()
            again.extend(reversed(good))
            yield Fault(_reason(error), shown(bad).rstrip("\r\n"))


def _reason(error: csv.Error) -> str:
    text = str(error)
    known = next((reason for start, reason in REASONS.items() if text.startswith(start)), None)
    return known or "A quotation mark stands where none belongs."


def _checked(row: Row, width: int) -> Row | Fault:
    raw = row.raw.rstrip("\r\n")
    if not is_clean(row.raw):
        return Fault("The row has bytes that are not text in the file's encoding.", shown(raw))
    cells = row.cells
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return Row(cells[:width], row.raw)
    if len(cells) != width:
        return Fault(f"The row has {len(cells)} columns where {width} are expected.", raw)
    return row
