"""Files of Google Postmaster Tools and Microsoft SNDS: what they say day by day, and what of it was not understood.

A cell that makes no sense costs that figure only, a row without a day or a subject that row only; both are told.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from ipaddress import ip_address
from typing import Any

from app.core import clock
from app.core.errors import Invalid
from app.deliverability.outside.columns import (
    BY_NAME,
    COUNTS,
    SHARES,
    SUBJECTS,
    Columns,
    Source,
    find_columns,
    key,
    recognise,
)
from app.deliverability.outside.table import Fault, Row, read_rows
from app.deliverability.outside.values import is_day_first, is_nothing, read_day, read_shares

__all__ = ["Figure", "Reading", "Source", "read_file", "source_of"]

FIRST = date(2004, 1, 1)
"""The year in which Gmail began; no provider has figures of days before."""
AHEAD = timedelta(days=2)
"""Clocks and time zones that are wrong."""
HOPELESS = 200
"""Rows of which none could be taken, before the rest is not read."""

_DOMAIN = re.compile(r"(?=.{3,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}").fullmatch


@dataclass(frozen=True, slots=True)
class Figure:
    """One subject on one day."""

    subject: str
    day: date
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds; `unknown` are headings that nobody here knows, whose columns are kept as they are."""

    figures: tuple[Figure, ...]
    faults: tuple[Fault, ...]
    unknown: tuple[str, ...] = ()
    unread_from: int = 0
    """The line from which nothing was read, because no row before it could be taken."""


def read_file(data: bytes, source: Source, *, subject: str = "") -> Reading:
    """Read a file of `source`; `subject` is the domain where the file names none. Raises Invalid when it is none."""
    rows, faults = read_rows(data)
    columns, body, above = find_columns(rows, source, subject=subject)
    faults += [Fault(row.line, "It stands above the heading and was passed over.", _content(row)) for row in above]
    day_first = source == "postmaster" and is_day_first(columns.cell(row, "day") for row in body)
    figures: list[Figure] = []
    unread_from = 0
    for number, row in enumerate(body):
        if number == HOPELESS and not figures:
            unread_from = row.line
            faults = [fault for fault in faults if fault.line < unread_from]
            break
        try:
            figure, slips = _figure(row, columns, source, subject, day_first)
        except Invalid as fault:
            faults.append(Fault(row.line, str(fault), _content(row)))
            continue
        figures.append(figure)
        if slips:
            faults.append(Fault(row.line, " ".join(slips), _content(row), is_kept=True))
    by_line = sorted(faults, key=lambda fault: fault.line)
    return Reading(tuple(figures), tuple(by_line), columns.unknown, unread_from)


def source_of(data: bytes) -> Source:
    """Whose file this is. Raises Invalid where it does not say."""
    source = recognise(read_rows(data)[0])
    if source is None:
        raise Invalid(
            "Nothing in the file says whether it is of Google or of Microsoft: it has neither a column called Date nor "
            "IP addresses in front. Nothing was kept; choose where it is from, or export it with its heading.",
            field="file",
        )
    return source


def _content(row: Row) -> str:
    return ", ".join(row.cells)[:200]


def _figure(row: Row, columns: Columns, source: Source, subject: str, day_first: bool) -> tuple[Figure, list[str]]:
    said = columns.cell(row, "day")
    day = read_day(said, day_first=day_first)
    if day is None:
        raise Invalid(f"“{said[:40]}” is no date. Write it like 2026-01-31.")
    if day > clock.now().date() + AHEAD:
        raise Invalid(f"“{said[:40]}” is a day that has not come yet.")
    if day < FIRST:
        raise Invalid(f"“{said[:40]}” is before {FIRST.year}, when there were no such figures. Mend the year.")
    whose = columns.cell(row, SUBJECTS[source]) or subject
    figures, slips = _figures(row, columns, SUBJECTS[source])
    if not figures:
        raise Invalid(" ".join(slips) or "It has a day, but no figure.")
    return Figure(_CLEAN[source](whose), day, figures), slips


def _figures(row: Row, columns: Columns, subject: str) -> tuple[dict[str, Any], list[str]]:
    """What the row says, and what of it was not understood."""
    found: dict[str, Any] = {}
    slips = []
    for field, value in _cells(row, columns):
        if is_nothing(value) or field in ("day", subject):
            continue
        try:
            found[field] = _value(field, value, in_percent=field in columns.in_percent)
        except Invalid as slip:
            slips.append(str(slip))
    return found, slips


def _cells(row: Row, columns: Columns) -> list[tuple[str, str]]:
    named = {number: field for field, number in columns.at.items()}
    cells = [(named.get(number, f"column {number + 1}"), value) for number, value in enumerate(row.cells)]
    if not columns.is_long:
        return cells
    metric = columns.cell(row, "metric")
    name = BY_NAME.get(key(metric), " ".join(metric.split())[:60] or "value")
    return [(name, columns.cell(row, "value")), *(cell for cell in cells if cell[0] not in ("metric", "value"))]


def _value(field: str, value: str, *, in_percent: bool) -> Any:
    if field in SHARES and not value.startswith(("[", "{")):  # Google's API puts a list of errors here
        share = read_shares(value, in_percent=in_percent)
        if share is None:
            raise Invalid(f"“{value[:40]}” is no share such as 0.1% or 0.001 ({field.replace('_', ' ')}).")
        return share
    if field in COUNTS:
        digits = re.sub(r"[ ,.\u00a0\u202f']", "", value)
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
            raise Invalid(f"“{value[:40]}” is no number ({field}).")
        return int(digits)
    return value[:500]


def _domain(text: str) -> str:
    # The API names a day of a domain like domains/example.com/trafficStats/20260131.
    found = re.search(r"domains/([^/]+)", text)
    domain = (found[1] if found else text).strip().lower().rstrip(".")
    if not _DOMAIN(domain):
        raise Invalid(f"“{text[:60]}” is no domain.")
    return domain


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise Invalid(f"“{text[:60]}” is no IP address.") from None


_CLEAN: dict[Source, Callable[[str], str]] = {"postmaster": _domain, "snds": _address}
