"""Files of Google Postmaster Tools and Microsoft SNDS: columns by name, in any order, and what is wrong row by row.

Postmaster Tools: a date, shares (user-reported spam, SPF, DKIM, DMARC, encryption, delivery errors) and reputations, by
the names of its pages or of its API; the domain stands in a column or is given with the file. SNDS: the fourteen
columns of its automated data access, which has no heading, or named ones. A column nobody knows is kept as it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from typing import Any, Literal

from app.core.errors import Invalid
from app.deliverability.outside.table import Fault, Row, read_rows
from app.deliverability.outside.values import is_day_first, read_day, read_share

Source = Literal["postmaster", "snds"]

_NAMES: dict[str, tuple[str, ...]] = {
    "day": ("date", "day", "activitystart", "activityperiod", "activityperiodstart", "start"),
    "domain": ("domain", "name", "sendingdomain"),
    "address": ("ipaddress", "ip", "address"),
    "spam_rate": ("spamrate", "userreportedspamrate", "userreportedspamratio", "userreportedspam"),
    "domain_reputation": ("domainreputation",),
    "ip_reputation": ("ipreputation", "ipreputations"),
    "spf": ("spf", "spfsuccessrate", "spfsuccessratio", "spfsuccess"),
    "dkim": ("dkim", "dkimsuccessrate", "dkimsuccessratio", "dkimsuccess"),
    "dmarc": ("dmarc", "dmarcsuccessrate", "dmarcsuccessratio", "dmarcsuccess"),
    "encrypted": ("encryption", "inboundencryptionratio", "tlsinbound", "encryptedtraffic", "tls"),
    "errors": ("deliveryerrors", "deliveryerrorrate", "errorrate"),
    "until": ("activityend", "activityperiodend", "end"),
    "rcpt": ("rcptcommands", "rcpt"),
    "data": ("datacommands", "data"),
    "recipients": ("messagerecipients", "recipients"),
    "result": ("filterresult", "filterresults", "result"),
    "complaint_rate": ("complaintrate", "complaints"),
    "traps": ("traphits", "trapmessages", "traps"),
    "helo": ("samplehelo", "helo"),
    "sender": ("samplemailfrom", "mailfrom"),
    "comments": ("comments", "comment"),
}
_BY_NAME = {name: field for field, names in _NAMES.items() for name in names}

_SNDS_ORDER = (
    *("address", "day", "until", "rcpt", "data", "recipients", "result", "complaint_rate"),
    *("trap period start", "trap period end", "traps", "helo", "sender", "comments"),
)
_SHARES = frozenset({"spam_rate", "spf", "dkim", "dmarc", "encrypted", "errors", "complaint_rate"})
_COUNTS = frozenset({"rcpt", "data", "recipients", "traps"})
_SUBJECTS = {"postmaster": "domain", "snds": "address"}
_DOMAIN = re.compile(r"(?=.{3,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}").fullmatch


@dataclass(frozen=True, slots=True)
class Figure:
    """One subject on one day."""

    subject: str
    day: date
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds."""

    figures: tuple[Figure, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a row, and which of them say in their heading that they are in percent."""

    at: Mapping[str, int]
    in_percent: frozenset[str] = frozenset()

    def cell(self, row: Row, field: str) -> str:
        number = self.at.get(field, len(row.cells))
        return row.cells[number] if number < len(row.cells) else ""


def read_file(data: bytes, source: Source, *, subject: str = "") -> Reading:
    """Read a file of `source`; `subject` is the domain where the file names none. Raises Invalid when it is none."""
    rows, faults = read_rows(data)
    columns, body = _columns(rows, source)
    if "day" not in columns.at:
        raise Invalid(
            "No column of the file is called Date. Nothing was kept; export it with its heading.", field="file"
        )
    if _SUBJECTS[source] not in columns.at and not subject:
        raise Invalid(_missing(source), field="subject")
    day_first = source == "postmaster" and is_day_first(columns.cell(row, "day") for row in body)
    figures = []
    for row in body:
        try:
            figures.append(_figure(row, columns, source, subject, day_first))
        except Invalid as fault:
            faults.append(Fault(row.line, str(fault), ", ".join(row.cells)[:200]))
    return Reading(tuple(figures), tuple(sorted(faults, key=lambda fault: fault.line)))


def _columns(rows: Sequence[Row], source: Source) -> tuple[Columns, Sequence[Row]]:
    """The columns, and the rows below the heading; a column nobody knows is named by its own heading."""
    heading = rows[0].cells
    fields = [_BY_NAME.get(_key(cell), "") for cell in heading]
    if source == "snds" and "day" not in fields and len(heading) >= 8 and _is_address(heading[0]):
        return Columns({name: number for number, name in enumerate(_SNDS_ORDER[: len(heading)])}), rows
    at: dict[str, int] = {}
    for number, (field, cell) in enumerate(zip(fields, heading, strict=True)):
        name = field or " ".join(cell.split())[:60] or f"column {number + 1}"
        # The second of two columns of one name is kept under its number.
        at[name if name not in at else f"{name} {number + 1}"] = number
    in_percent = frozenset(field for field in _SHARES & at.keys() if "%" in heading[at[field]])
    return Columns(at, in_percent), rows[1:]


def _key(cell: str) -> str:
    return re.sub(r"[^a-z]", "", cell.lower().replace("(%)", ""))


def _figure(row: Row, columns: Columns, source: Source, subject: str, day_first: bool) -> Figure:
    said = columns.cell(row, "day")
    day = read_day(said, day_first=day_first)
    if day is None:
        raise Invalid(f"“{said[:40]}” is no date. Write it like 2026-01-31.")
    whose = columns.cell(row, _SUBJECTS[source]) or subject
    return Figure(_CLEAN[source](whose), day, _figures(row, columns, _SUBJECTS[source]))


def _figures(row: Row, columns: Columns, subject: str) -> dict[str, Any]:
    named = {number: field for field, number in columns.at.items()}
    found: dict[str, Any] = {}
    for number, value in enumerate(row.cells):
        field = named.get(number, f"column {number + 1}")
        if value and field not in ("day", subject):
            found[field] = _value(field, value, in_percent=field in columns.in_percent)
    return found


def _value(field: str, value: str, *, in_percent: bool) -> Any:
    if field in _SHARES:
        share = read_share(value, in_percent=in_percent)
        if share is None:
            raise Invalid(f"“{value[:40]}” is no share such as 0.1% or 0.001 ({field.replace('_', ' ')}).")
        return share if value[0] not in "<≤" else {"below": share}
    if field in _COUNTS:
        digits = re.sub(r"[ ,.\u00a0']", "", value)
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


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip())
    except ValueError:
        return False
    return True


def _missing(source: Source) -> str:
    if source == "postmaster":
        return "The file does not name the domain. Nothing was kept; write the domain beside it."
    return "No column of the file holds IP addresses. Nothing was kept; bring the file of SNDS's data page."
