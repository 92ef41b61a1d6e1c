"""Reading an aggregate report (RFC 7489 appendix C, RFC 9990): junk in one record costs that record only."""

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from lxml import etree

from app.core.errors import Invalid
from app.deliverability.dmarc.report import Report, Row
from app.deliverability.dmarc.xml_text import plain_xml

MOST_ROWS = 5000
"""Kept of one report; what lies behind is counted, not kept."""
MOST_COUNT = 10**9
LONGEST = 255
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


def read_report(xml: bytes) -> Report:
    """The report. Raises Invalid when it is none, or does not say whose, of whom, and of which days."""
    metadata, policy = dict[str, str](), dict[str, str]()
    rows, unreadable, left_out = dict[tuple[str, ...], Row](), 0, 0
    for tag, element in _parts(plain_xml(xml)):
        if tag == "report_metadata":
            metadata = metadata or _metadata(element)
        elif tag == "policy_published":
            policy = policy or {name: _said(element, name) for name in ("domain", *_POLICY)}
        elif (row := _row(element)) is None:
            unreadable += 1
        elif row.key in rows or len(rows) < MOST_ROWS:
            rows[row.key] = _added(rows.get(row.key), row)
        else:
            left_out += row.count
    return _report(metadata, policy, tuple(rows.values()), unreadable, left_out)


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
        yield from _forgetting(known)
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
        source, count = str(ip_address(_said(row, "source_ip"))), int(_said(row, "count"))
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


def _report(
    metadata: dict[str, str], policy: dict[str, str], rows: tuple[Row, ...], unreadable: int, left_out: int
) -> Report:
    domain = policy.get("domain", "").lower().rstrip(".")
    if not (metadata.get("org_name") and metadata.get("report_id") and domain):
        raise Invalid("This is not a DMARC aggregate report: it does not say who reports on which domain.")
    begins, ends = _moment(metadata["begin"]), _moment(metadata["end"])
    if begins is None or ends is None or ends < begins:
        raise Invalid("The report does not say which days it is about; nothing was taken in.")
    return Report(
        organisation=metadata["org_name"],
        report_id=metadata["report_id"],
        domain=domain,
        begins_at=begins,
        ends_at=ends,
        policy={name: value for name, value in policy.items() if value and name != "domain"},
        rows=tuple(_with_sender(row, domain) for row in rows),
        unreadable=unreadable,
        left_out=left_out,
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
