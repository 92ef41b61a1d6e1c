"""What a file is, told from its first megabyte: encoding, dialect, columns and what to watch out for."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

from app.audience.imports.columns import Column, propose_columns
from app.audience.imports.dialect import Dialect, detect_dialect, email_columns
from app.audience.imports.encoding import DAMAGE, detect_encoding
from app.core.errors import Invalid

HEAD = 1024 * 1024
"""Bytes to look at."""
MAX_COLUMNS = 500
PREVIEW = 20


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A file as it looks from its beginning."""

    dialect: Dialect
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The rows at the beginning, without the heading; some 200."""
    columns: tuple[Column, ...]
    notices: tuple[str, ...]

    @property
    def preview(self) -> tuple[tuple[str, ...], ...]:
        return self.rows[:PREVIEW]


def sniff(head: bytes, *, whole: bool, types: Mapping[str, str] | None = None) -> Sniffed:
    """Look at the first bytes of a file; `whole` when there are no more. Raises Invalid for what cannot be imported."""
    encoding = detect_encoding(head)
    text = head[encoding.mark :].decode(encoding.name, DAMAGE)
    lines = list(io.StringIO(text, newline=""))
    if not whole:
        if len(lines) < 2:
            raise Invalid(_too_wide(text), field="file")
        lines.pop()  # it was cut off in the middle
    dialect, rows = detect_dialect(lines[:2000], encoding.name, encoding.mark)
    width = len(rows[0])
    if width > MAX_COLUMNS:
        raise Invalid(_too_wide("", width), field="file")
    body = rows[1:] if dialect.has_header else rows
    if not body and not whole:
        raise Invalid(
            f"The row below the heading is longer than {HEAD:,} bytes. Check the quotation marks.", field="file"
        )
    if not body:
        raise Invalid("The file has a heading but no rows below it, so there is nobody to import.", field="file")
    headers = [_heading(cell, number) for number, cell in enumerate(rows[0], 1)] if dialect.has_header else []
    headers = headers or [f"Column {number}" for number in range(1, width + 1)]
    addresses = email_columns(rows if dialect.has_header else [rows[0], *rows])[:width]
    columns = propose_columns(headers, body, addresses, types or {})
    return Sniffed(
        dialect,
        tuple(headers),
        tuple(tuple(row) for row in body),
        tuple(columns),
        tuple(_notices(headers, addresses, columns, dialect)),
    )


def _too_wide(text: str, width: int = 0) -> str:
    width = width or max(text.count(separator) for separator in ",;\t|") + 1
    if width <= MAX_COLUMNS:
        return f"The first row is longer than {HEAD:,} bytes. Check that each person has a row of their own."
    return f"The first row has {width:,} columns or more; {MAX_COLUMNS} is the most. Leave out columns you do not need."


def _heading(cell: str, number: int) -> str:
    return " ".join(cell.split())[:200] or f"Column {number}"


def _notices(headers: list[str], addresses: list[bool], columns: list[Column], dialect: Dialect) -> list[str]:
    notices = []
    holding = [headers[index] for index, holds in enumerate(addresses) if holds]
    chosen = next((column.header for column in columns if column.field == "email"), None)
    if chosen is None:
        notices.append("No column looks like e-mail addresses. Choose the one that holds them.")
    elif len(holding) > 1:
        notices.append(
            f"{len(holding)} columns hold e-mail addresses: {', '.join(holding)}. "
            f"{chosen} is used as the person's address unless you choose another."
        )
    if not dialect.has_header:
        notices.append("The first row holds an address, so it is taken as a person, not as a heading.")
    if dialect.encoding in ("cp1252", "latin-1"):
        notices.append("The file is not in UTF-8. Check that letters with accents look right below.")
    return notices
