"""Taking in reports: from a mail or a file, each once, for the workspaces that the domain belongs to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core.database import current_workspace_id, db, every_workspace, in_workspace
from app.core.errors import Invalid
from app.deliverability.dmarc.parse import read_report
from app.deliverability.dmarc.report import Report, Row
from app.deliverability.dmarc.unpack import MOST_PACKED, unpack
from app.deliverability.models import DmarcReport, DmarcRow
from app.mail.fields import parameter
from app.mail.mime import MAX_SIZE, Part, read_parts
from app.mail.recipients import first_address
from app.messages.models import IncomingMail
from app.sending.domains.names import lineage
from app.sending.models import SendingDomain, SigningKey
from app.tracking.post.unmatched import UNPROVED

BATCH = 1000
MOST_MAIL = MOST_PACKED * 3 // 2
"""Read of a mail that brings a report: the largest file we unpack, as base64, and what stands beside it."""
MOST_WAITING = 200
"""Read again at once: two months of reports from a few receivers."""
_ON = "report_on"
"""The domain of a report, among the facts of its mail."""
_TAKEN = "DMARC report of "
"""How the note of a mail begins whose report was taken in."""
_TYPES = frozenset(
    {
        *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
        *("text/xml", "application/xml", "application/octet-stream"),
    }
)
_NAMED = re.compile(r"[^!\s]+![^!\s]+!\d+!\d+(?:![^!]*)?\.(?:xml|xml\.gz|gz|zip)", re.IGNORECASE)
_PACKED = re.compile(r".+\.(?:xml|gz|zip)", re.IGNORECASE)
_SUBJECT = re.compile(r"report\s+domain\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attached:
    """A report's file in a mail, and whose address the mail bears: a claim, which nothing here proves."""

    file: bytes
    sender: str


def take_in_report(raw: bytes) -> DmarcReport | None:
    """The report in a mail, stored for each workspace that has shown that the domain is its own; flushes.

    None when the mail brings no report, or one on a domain that nobody here has proved to own: a key of theirs was
    seen in its DNS. Raises Invalid for a report that cannot be read. Safe to repeat.
    """
    attached = attached_report(raw)
    return None if attached is None else _take_in(_read(attached), attached.sender)


def read_incoming(mail: IncomingMail) -> str:
    """Take in the report of a mail that came to our mailbox, and say so in a line; empty when it brings none."""
    attached = attached_report(mail.raw)
    if attached is None:
        return ""
    try:
        with db.session.begin_nested():
            report = _read(attached)
            stored = _take_in(report, attached.sender)
    except Invalid as error:
        return f"a DMARC report that was not taken in: {error}"
    mail.facts = {**(mail.facts or {}), _ON: report.domain}
    return UNPROVED if stored is None else f"{_TAKEN}{stored.organisation} on {stored.domain}"


def take_in_waiting(domain: str) -> int:
    """Read again the reports on a domain that nobody had shown to own, and those above and below it.

    Returns how many were taken in. For after a look into DNS that may have shown it. The mails are there as long as raw
    mail is kept. Flushes.
    """
    about = IncomingMail.facts[_ON].astext
    concerned = or_(about.in_(lineage(domain)), func.right(about, len(domain) + 1) == f".{domain}")
    query = select(IncomingMail.id).where(IncomingMail.note == UNPROVED, concerned)
    taken = 0
    with every_workspace():
        for number in db.session.scalars(query.order_by(IncomingMail.id.desc()).limit(MOST_WAITING)).all():
            taken += _read_again(number)
    return taken


def _read_again(number: int) -> bool:
    mail = db.session.scalar(select(IncomingMail).where(IncomingMail.id == number).with_for_update(skip_locked=True))
    if mail is None or mail.note != UNPROVED:
        return False
    mail.note = read_incoming(mail) or mail.note
    # Only now its records were read: it may be cut off, and says so.
    is_taken = mail.note.startswith(_TAKEN)
    db.session.flush()
    db.session.expunge(mail)  # its octets, which may be millions
    return is_taken


def take_in_file(data: bytes) -> tuple[DmarcReport, bool]:
    """The report in a file, stored in the workspace in scope, and whether it is new; flushes. Raises Invalid."""
    report = read_report(unpack(data))
    domains = list(db.session.scalars(select(SendingDomain.domain)))
    before = _known(report)
    stored = before or _store(report, domains)
    if stored is None:
        raise Invalid(
            f"The report is about {report.domain}, which is not a domain of this workspace; nothing was taken in. "
            "Add the domain first."
        )
    return stored, before is None


def brings_report(raw: bytes) -> bool:
    """Whether a mail brings a file that is named as reports are."""
    return _report_part(read_parts(raw)) is not None


def attached_report(raw: bytes) -> Attached | None:
    """The file in a mail that is named as reports are (RFC 9990 §3.5); None without one."""
    mail = read_parts(raw)
    part = _report_part(mail)
    if part is not None and len(raw) > MAX_SIZE:
        # Only now, when its name was seen, as much of a large mail is read as a report may need.
        part = _report_part(read_parts(raw, most=MOST_MAIL))
    return None if part is None else Attached(part.content, first_address(mail.header.text("From")))


def _report_part(mail: Part) -> Part | None:
    is_announced = _SUBJECT.search(mail.header.text("Subject")) is not None
    for part in mail.walk():
        if part.parts:
            continue
        name = _file_name(part)
        # A name as the standard spells it is enough; its type is often wrong.
        if _NAMED.fullmatch(name) or (is_announced and part.content_type in _TYPES and _PACKED.fullmatch(name)):
            return part
    return None


def _file_name(part: Part) -> str:
    disposition = parameter(part.header.get("Content-Disposition"), "filename")
    return (disposition or parameter(part.header.get("Content-Type"), "name") or "").strip()


def _read(attached: Attached) -> Report:
    """The report; without its records when it is on a domain that nobody here has proved to own."""
    return read_report(unpack(attached.file), lambda domain: bool(_owners(domain)))


def _take_in(report: Report, sender: str) -> DmarcReport | None:
    stored = []
    for workspace_id, domains in _owners(report.domain).items():
        with in_workspace(workspace_id):
            stored.append(_store(report, domains, sender=sender))
    return next((each for each in stored if each is not None), None)


def _owners(domain: str) -> dict[int, list[str]]:
    """The domains at stake, of each workspace that owns some: those above the report's domain, and those below it."""
    proved = select(SigningKey.id).where(SigningKey.domain_id == SendingDomain.id, SigningKey.seen_at.is_not(None))
    concerned = or_(
        SendingDomain.domain.in_(lineage(domain)),
        func.right(SendingDomain.domain, len(domain) + 1) == f".{domain}",
    )
    owners: dict[int, list[str]] = {}
    with every_workspace():
        rows = db.session.execute(
            select(SendingDomain.workspace_id, SendingDomain.domain).where(concerned, proved.exists())
        ).all()
    for workspace_id, owned in rows:
        owners.setdefault(workspace_id, []).append(owned)
    return owners


def _known(report: Report) -> DmarcReport | None:
    return db.session.scalar(
        select(DmarcReport).where(
            DmarcReport.organisation == report.organisation,
            DmarcReport.report_id == report.report_id,
            # Some number their reports by the day alone, the same for each domain.
            DmarcReport.domain == report.domain,
        )
    )


def _store(report: Report, domains: Iterable[str], *, sender: str = "") -> DmarcReport | None:
    """Of a report on a whole organisation, only the rows on these domains; None when there is nothing on them."""
    owned = frozenset(domains)
    rows = [row for row in report.rows if owned & {row.header_from, *lineage(row.header_from)}]
    if not rows and not owned & set(lineage(report.domain)):
        return None
    policy = {**report.policy, "unreadable": report.unreadable, "left_out": report.left_out, "sender": sender[:254]}
    report_id = db.session.scalar(
        insert(DmarcReport)
        .values(
            workspace_id=current_workspace_id(),
            domain=report.domain,
            organisation=report.organisation,
            report_id=report.report_id,
            begins_at=report.begins_at,
            ends_at=report.ends_at,
            policy=policy,
        )
        .on_conflict_do_nothing()
        .returning(DmarcReport.id)
    )
    if report_id is None:
        return _known(report)
    for start in range(0, len(rows), BATCH):
        db.session.execute(insert(DmarcRow).values([_values(report_id, row) for row in rows[start : start + BATCH]]))
    return db.session.scalar(select(DmarcReport).where(DmarcReport.id == report_id))


def _values(report_id: int, row: Row) -> dict[str, object]:
    return {
        "workspace_id": current_workspace_id(),
        "report_id": report_id,
        "source_ip": row.source_ip,
        "count": row.count,
        "disposition": row.disposition,
        "dkim": row.dkim,
        "spf": row.spf,
        "header_from": row.header_from,
        "details": row.details,
    }
