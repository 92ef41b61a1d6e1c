"""A provider's CSV as rows of cells: encoding, byte-order mark and separator are found out, nothing is thrown away."""

import csv
import io
from dataclasses import dataclass

from app.audience.imports.encoding import detect_encoding
from app.core.errors import Invalid

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
MOST_LINES = 100_000
"""Those that hold nothing with them."""
MOST_COLUMNS = 200
_MOST_SEPARATORS = 20_000
"""On one line, before it is taken apart; cells in quotation marks hold some, too."""
SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that holds something. `line` as an editor counts."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be taken, or not all of it: where it stands, why, and what stands there."""

    line: int
    why: str
    content: str
    is_kept: bool = False
    """The rest of the row is."""


def read_rows(data: bytes) -> tuple[list[Row], list[Fault]]:
    """The rows of a file, and those that are none. Raises Invalid for a file that is not a table."""
    if not data.strip():
        raise Invalid("The file is empty. Nothing was kept.", field="file")
    if len(data) > MOST_BYTES:
        raise Invalid("The file is larger than 5 MB. Nothing was kept; export a shorter time.", field="file")
    encoding = detect_encoding(data)
    text = data[encoding.mark :].decode(encoding.name, "replace").replace("\0", "")
    rows, faults = _rows(text)
    if not rows:
        raise Invalid("The file holds no rows. Nothing was kept.", field="file")
    return rows, faults


def _rows(text: str) -> tuple[list[Row], list[Fault]]:
    """Line by line: these files have no cells of several lines, so a stray quote spoils one row and not the rest."""
    rows: list[Row] = []
    faults: list[Fault] = []
    separator = ""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        # Before more is read: of a file of millions of lines, all that counts is that it is refused.
        if number > MOST_LINES or len(rows) + len(faults) > MOST_ROWS:
            raise _too_long(f"{MOST_LINES:,} lines" if number > MOST_LINES else f"{MOST_ROWS:,} rows")
        if not line.strip():
            continue
        separator = separator or max(SEPARATORS, key=line.count)
        try:
            cells = _cells(line, separator)
        except csv.Error as error:
            faults.append(Fault(number, f"Its quotation marks do not fit ({error}).", line.strip()[:200]))
            continue
        if len(cells) > MOST_COLUMNS and not rows:
            raise Invalid(
                f"Line {number} has more than {MOST_COLUMNS} columns, which no export of figures has. Nothing was "
                "kept; export the file anew.",
                field="file",
            )
        if len(cells) > MOST_COLUMNS:
            faults.append(Fault(number, f"It has more than {MOST_COLUMNS} columns.", line[:400].strip()[:200]))
            continue
        if any(cell.strip() for cell in cells):
            rows.append(Row(number, tuple(cell.strip() for cell in cells)))
    if len(rows) + len(faults) > MOST_ROWS:
        raise _too_long(f"{MOST_ROWS:,} rows")
    return rows, faults


def _too_long(limit: str) -> Invalid:
    return Invalid(f"The file has more than {limit}. Nothing was kept; export a shorter time.", field="file")


def _cells(line: str, separator: str) -> list[str]:
    """The cells of a line; of one that is nothing but separators, no more than show that it is too wide."""
    if line.count(separator) > _MOST_SEPARATORS:
        return [""] * (MOST_COLUMNS + 1)
    return next(csv.reader([line.rstrip("\n")], delimiter=separator, strict=True))
