"""Which column of a provider's file holds what: by its heading, wherever that stands, or by its place.

Names as they are written in public: the dashboards of Postmaster Tools and its API, `trafficStats` of v1, and of v2 the
standard metrics, which come one to a row and hold no reputation any more (Google's reference of both). Of SNDS its page
with the words of its help ("Spam trap hits", "Sample comments"), and its automated data access: fourteen columns and no
heading, in one order in every client of it that was found, for the old address and for the new one alike. No document
names the columns of a file that the pages of Postmaster Tools would save. What nobody here knows keeps its own name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from app.core.errors import Invalid
from app.deliverability.outside.table import Row
from app.deliverability.outside.values import read_day

Source = Literal["postmaster", "snds"]

NAMES: dict[str, tuple[str, ...]] = {
    "day": ("date", "day", "activitystart", "activityperiod", "activityperiodstart", "start", "datestart"),
    "domain": ("domain", "name", "domainname", "sendingdomain"),
    "address": ("ipaddress", "ip", "address"),
    "metric": ("metric", "metricname"),
    "value": ("value", "metricvalue", "valuedoublevalue", "valuefloatvalue", "doublevalue"),
    "spam_rate": (
        *("spamrate", "spam", "userreportedspamrate", "userreportedspamratio", "userreportedspam"),
        "userreportedspamrates",
    ),
    "spam_rate_low": ("userreportedspamratiolowerbound",),
    "spam_rate_high": ("userreportedspamratioupperbound",),
    "domain_reputation": ("domainreputation",),
    "ip_reputation": ("ipreputation", "ipreputations"),
    "spf": ("spf", "spfrate", "spfsuccessrate", "spfsuccessratio", "spfsuccess"),
    "dkim": ("dkim", "dkimrate", "dkimsuccessrate", "dkimsuccessratio", "dkimsuccess"),
    "dmarc": ("dmarc", "dmarcrate", "dmarcsuccessrate", "dmarcsuccessratio", "dmarcsuccess"),
    "encrypted": (
        *("encryption", "inboundencryptionratio", "tlsinbound", "encryptedtraffic", "tls", "tlsencryptionrate"),
        *("inboundtls", "encryptionrate", "encryptionsuccessrate", "tlsrate"),
    ),
    "encrypted_out": ("outboundencryptionratio", "tlsoutbound", "outboundtls"),
    "errors": ("deliveryerrors", "deliveryerrorrate", "errorrate"),
    "until": ("activityend", "activityperiodend", "end"),
    "rcpt": ("rcptcommands", "rcpt"),
    "data": ("datacommands", "data"),
    "recipients": ("messagerecipients", "messagerecipient", "recipients"),
    "result": ("filterresult", "filterresults", "result"),
    "complaint_rate": ("complaintrate", "complaints"),
    "trap_from": ("trapmessagestart", "trapmessageperiod", "trapmessageperiodstart"),
    "trap_until": ("trapmessageend", "trapmessageperiodend"),
    "traps": ("traphits", "trapmessages", "traps", "spamtraphits"),
    "helo": ("samplehelo", "helo"),
    "sender": ("samplemailfrom", "mailfrom"),
    "comments": ("comments", "comment", "samplecomments"),
}
BY_NAME = {name: field for field, names in NAMES.items() for name in names}

SHARES = frozenset(
    {
        *("spam_rate", "spam_rate_low", "spam_rate_high", "spf", "dkim", "dmarc"),
        *("encrypted", "encrypted_out", "errors", "complaint_rate"),
    }
)
COUNTS = frozenset({"rcpt", "data", "recipients", "traps"})
SUBJECTS = {"postmaster": "domain", "snds": "address"}
_SNDS_ORDER = (
    *("address", "day", "until", "rcpt", "data", "recipients", "result", "complaint_rate"),
    *("trap_from", "trap_until", "traps", "helo", "sender", "comments"),
)
_LOOK_AT = 10
"""Rows among which the heading stands: some exports begin with a title."""
_NAMED = 16
"""Columns that an error names: the fourteen of SNDS and some."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a row, which say in their heading that they are in percent, and which nobody knows."""

    at: Mapping[str, int]
    in_percent: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()

    def cell(self, row: Row, field: str) -> str:
        number = self.at.get(field, len(row.cells))
        return row.cells[number] if number < len(row.cells) else ""

    @property
    def is_long(self) -> bool:
        """Whether each row holds one metric and its value, as v2 of Google's API answers."""
        return "metric" in self.at and "value" in self.at


def recognise(rows: Sequence[Row]) -> Source | None:
    """Whose file this is, by what stands in it; None where nothing tells."""
    for row in rows[:_LOOK_AT]:
        if len(row.cells) > 1 and is_address(row.cells[0]):
            return "snds"
        fields = _named(row).at.keys()
        if "day" in fields or "metric" in fields:
            is_snds = "address" in fields or bool(fields & {"rcpt", "data", "result", "traps"})
            return "snds" if is_snds else "postmaster"
    return None


def find_columns(rows: Sequence[Row], source: Source, *, subject: str) -> tuple[Columns, Sequence[Row], Sequence[Row]]:
    """The columns, the rows below the heading, and those above it. Raises Invalid in words for what is no such file."""
    for number, row in enumerate(rows[:_LOOK_AT]):
        columns = _named(row)
        if "day" in columns.at:
            if SUBJECTS[source] not in columns.at and not subject:
                raise Invalid(f"{_no_subject(source)} {_found(row)}", field="subject")
            return columns, rows[number + 1 :], rows[:number]
    first = rows[0].cells
    if source == "postmaster" and recognise(rows) == "snds":
        raise Invalid(
            "The file begins with IP addresses, as those of Microsoft SNDS do. Nothing was kept; choose Microsoft SNDS "
            "as the source and bring it again.",
            field="source",
        )
    if source == "snds" and is_address(first[0]):
        if len(first) > 1 and is_address(first[1]):
            raise Invalid(
                "This is SNDS's list of blocked addresses (IP status), which holds no figures. Nothing was kept; bring "
                "the file of its data page.",
                field="file",
            )
        if len(first) >= 8 and read_day(first[1]) is not None:
            return Columns({name: number for number, name in enumerate(_SNDS_ORDER[: len(first)])}), rows, ()
    if read_day(first[0]) is not None:
        raise Invalid(
            "The file begins with a date and has no heading, so nothing says what its numbers are. Nothing was kept; "
            "write a first line such as Date,Spam rate.",
            field="file",
        )
    raise Invalid(
        f"No column of the file is called Date. Nothing was kept; export it with its heading. {_found(rows[0])}",
        field="file",
    )


def key(heading: str) -> str:
    """A heading as it is looked up: letters only."""
    return re.sub(r"[^a-z]", "", heading.lower().replace("(%)", ""))


def is_address(text: str) -> bool:
    try:
        ip_address(text.strip())
    except ValueError:
        return False
    return True


def _named(row: Row) -> Columns:
    at: dict[str, int] = {}
    unknown = []
    for number, cell in enumerate(row.cells):
        field = BY_NAME.get(key(cell), "")
        name = field or " ".join(cell.split())[:60] or f"column {number + 1}"
        # The second of two columns of one name is kept under its number.
        name = name if name not in at else f"{name} {number + 1}"
        at[name] = number
        if not field and cell:
            unknown.append(name)
    in_percent = frozenset(field for field in SHARES & at.keys() if "%" in row.cells[at[field]])
    return Columns(at, in_percent, tuple(unknown))


def _no_subject(source: Source) -> str:
    if source == "postmaster":
        return "The file does not name the domain. Nothing was kept; write the domain beside it."
    return "No column of the file holds IP addresses. Nothing was kept; bring the file of SNDS's data page."


def _found(row: Row) -> str:
    """The columns of a row that is the heading, or stands where one should: for people, so neither many nor long."""
    names = [" ".join(cell.split()) for cell in row.cells]
    shown = [f"“{name[:40]}…”" if len(name) > 40 else f"“{name}”" for name in names if name]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return f"Columns found: {', '.join(shown[:_NAMED])}{more}."
