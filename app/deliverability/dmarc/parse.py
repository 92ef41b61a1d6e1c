"""Reading an aggregate report (RFC 7489 appendix C, RFC 9990): junk in one record costs that record only."""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice
from typing import Any

from lxml import etree

from app.core import clock
from app.core.errors import Invalid
from app.deliverability.dmarc.report import Report, Row
from app.deliverability.dmarc.xml_text import plain_xml, without_half_letters

MOST_ROWS = 5000
"""Kept of one report; what lies behind is counted, not kept."""
MOST_RECORDS = 12_000
"""Read of one report: the ten megabytes of the largest have as many. Of what lies behind, the records are counted."""
MOST_ELEMENTS = 400_000
"""Read of one report, some thirty a record: this bounds the time it takes."""
MOST_COUNT = 10**9
LONGEST = 255
AHEAD = timedelta(days=2)
"""Clocks and time zones that are wrong; reports come after their day."""
MOST_RESULTS = 5

MOST_MARKS = 1_500_000
"""Of `<` in a file: twice as many as the largest real report could have of its ten megabytes."""
MOST_EQUALS = 200_000
"""Of `=`, which real reports have in their namespace and in some comments."""
MOST_WITHIN = 5000
"""Elements in one record: it has some thirty, and a few for each signature."""

_PARTS = frozenset({"report_metadata", "policy_published", "record"})
_POLICY = ("p", "sp", "np", "pct", "adkim", "aspf", "t", "testing", "fo", "discovery_method")
_DISPOSITIONS = frozenset({"none", "quarantine", "reject", "pass"})
_END = re.compile(rb"</(?:[\w.-]{1,50}:)?feedback\s{0,20}>")


@dataclass(slots=True)
class _Records:
    """What the records come to."""

    rows: dict[tuple[str, ...], Row] = field(default_factory=dict)
    read: int = 0
    unreadable: int = 0
    left_out: int = 0

    def add(self, element: Any) -> None:
        self.read += 1
        row = _row(element)
        if row is None:
            self.unreadable += 1
        elif row.key in self.rows or len(self.rows) < MOST_ROWS:
            self.rows[row.key] = _added(self.rows.get(row.key), row)
        else:
            self.left_out += row.count


def read_report(xml: bytes, is_wanted: Callable[[str], bool] = lambda _domain: True) -> Report:
    """The report. Raises Invalid when it is none, is cut off, or does not say whose, of whom, and of which days.

    Of one on a domain that is not wanted, no records are read: they come last.
    """
    metadata, policy, records = dict[str, str](), dict[str, str](), _Records()
    xml = without_half_letters(plain_xml(xml))
    for tag, element in _parts(xml):
        if tag == "report_metadata":
            metadata = metadata or _metadata(element)
        elif tag == "policy_published":
            policy = policy or {name: _said(element, name) for name in ("domain", *_POLICY)}
        else:
            records.add(element)
        if tag != "record" and metadata and policy and not is_wanted(_domain(policy)):
            return _report(metadata, policy, _Records())
        if records.read == MOST_RECORDS:
            break
    if records.read == MOST_RECORDS or xml.count(b"<") > MOST_ELEMENTS:
        # Nearly all opening and closing tags are written like this; a record is a message at least.
        records.left_out += max(xml.count(b"record>") // 2 - records.read, 0)
    report = _report(metadata, policy, records)
    if not _END.search(xml, xml.rfind(b"record>") + 1):
        # Its counts would be too low for good: the whole one, when it comes, would be taken for the same.
        raise Invalid("The report is cut off before its end; nothing was taken in. Fetch or send the whole file again.")
    return report


def _parts(xml: bytes) -> Iterator[tuple[str, Any]]:
    """The parts one by one, each forgotten after it was read; within other roots there are none.

    All else is forgotten as it ends, or a file of nothing but `<a/>` would fill the memory fifty times its size.
    """
    if xml.count(b"<") > MOST_MARKS or xml.count(b"=") > MOST_EQUALS:
        raise Invalid("The report has more elements than any report needs; nothing was taken in.")
    known = etree.iterparse(
        io.BytesIO(xml),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        yield from _forgetting(islice(known, 2 * MOST_ELEMENTS))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid("The report is not XML that can be read; nothing was taken in.") from error


def _forgetting(known: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    root, depth, within = "", 0, 0
    for event, element in known:
        if event == "start":
            depth += 1
            within += 1
            root = root or etree.QName(element).localname
            continue
        depth -= 1
        if depth == 1:
            tag = etree.QName(element).localname
            if root == "feedback" and tag in _PARTS:
                yield tag, element
            within = 0
        # Whatever is larger than a part of a report can be loses what was read of it.
        if depth == 1 or within > MOST_WITHIN:
            _forget(element)


def _forget(element: Any) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _metadata(element: Any) -> dict[str, str]:
    span = element.find("{*}date_range")
    begin, end = ("", "") if span is None else (_said(span, "begin"), _said(span, "end"))
    return {
        "org_name": _said(element, "org_name"),
        "report_id": _said(element, "report_id"),
        "begin": begin,
        "end": end,
    }


def _row(record: Any) -> Row | None:
    row, identifiers = record.find("{*}row"), record.find("{*}identifiers")
    if row is None:
        return None
    evaluated = row.find("{*}policy_evaluated")
    try:
        source, count = _address(_said(row, "source_ip")), int(_said(row, "count"))
    except ValueError:
        return None
    if not 0 < count <= MOST_COUNT:
        return None
    disposition = _said(evaluated, "disposition").lower()
    return Row(
        source_ip=source,
        count=count,
        disposition=disposition if disposition in _DISPOSITIONS else "none",
        dkim="pass" if _said(evaluated, "dkim").lower() == "pass" else "fail",
        spf="pass" if _said(evaluated, "spf").lower() == "pass" else "fail",
        header_from=_name(identifiers, "header_from"),
        details=_details(record, evaluated, identifiers),
    )


@lru_cache(maxsize=MOST_ROWS)
def _address(text: str) -> str:
    """As it is usually written: most sources stand in many records. Raises ValueError for what is none."""
    return str(ip_address(text))


def _details(record: Any, evaluated: Any, identifiers: Any) -> dict[str, Any]:
    results = record.find("{*}auth_results")
    found: dict[str, Any] = {
        "envelope_from": _name(identifiers, "envelope_from"),
        "dkim": [
            {"domain": _name(each, "domain"), "selector": _name(each, "selector"), "result": _said(each, "result")}
            for each in _all(results, "dkim")
        ],
        "spf": [{"domain": _name(each, "domain"), "result": _said(each, "result")} for each in _all(results, "spf")],
        "reasons": [_said(each, "type") for each in _all(evaluated, "reason")],
    }
    return {name: value for name, value in found.items() if value}


def _added(before: Row | None, row: Row) -> Row:
    if before is None:
        return row
    count = min(before.count + row.count, MOST_COUNT)
    return Row(before.source_ip, count, row.disposition, row.dkim, row.spf, row.header_from, before.details)


def _domain(policy: dict[str, str]) -> str:
    return policy.get("domain", "").lower().rstrip(".")


def _report(metadata: dict[str, str], policy: dict[str, str], records: _Records) -> Report:
    domain = _domain(policy)
    if not (metadata.get("org_name") and metadata.get("report_id") and domain):
        raise Invalid("This is not a DMARC aggregate report: it does not say who reports on which domain.")
    begins, ends = _moment(metadata["begin"]), _moment(metadata["end"])
    if begins is None or ends is None or ends < begins:
        raise Invalid("The report does not say which days it is about; nothing was taken in.")
    if ends > clock.now() + AHEAD:
        # It would stand among the latest for years, and be kept as long.
        raise Invalid("The report is about days that have not come yet; nothing was taken in.")
    return Report(
        organisation=metadata["org_name"],
        report_id=metadata["report_id"],
        domain=domain,
        begins_at=begins,
        ends_at=ends,
        policy={name: value for name, value in policy.items() if value and name != "domain"},
        rows=tuple(_with_sender(row, domain) for row in records.rows.values()),
        unreadable=records.unreadable,
        left_out=records.left_out,
    )


def _with_sender(row: Row, domain: str) -> Row:
    if row.header_from:
        return row
    return Row(row.source_ip, row.count, row.disposition, row.dkim, row.spf, domain, row.details)


def _moment(seconds: str) -> datetime | None:
    """From seconds since 1970, which some write with a fraction; nothing outside of this century."""
    try:
        number = int(float(seconds))
    except (ValueError, OverflowError):
        return None
    return datetime.fromtimestamp(number, UTC) if 946_684_800 <= number < 4_102_444_800 else None


def _all(element: Any, name: str) -> list[Any]:
    return [] if element is None else element.findall(f"{{*}}{name}")[:MOST_RESULTS]


def _name(element: Any, name: str) -> str:
    return _said(element, name).lower().rstrip(".")


def _said(element: Any, name: str) -> str:
    """The text of a part, on one line; empty where there is none."""
    found = None if element is None else element.find(f"{{*}}{name}")
    text = "" if found is None else str(found.text or "")[: 4 * LONGEST].strip()
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text[:LONGEST]
