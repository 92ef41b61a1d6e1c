"""Taking in reports: from a mail or a file, each once, for the workspaces that the domain belongs to."""

import re
from collections.abc import Iterable

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core.database import current_workspace_id, db, every_workspace, in_workspace
from app.core.errors import Invalid
from app.deliverability.dmarc.parse import read_report
from app.deliverability.dmarc.report import Report, Row
from app.deliverability.dmarc.unpack import unpack
from app.deliverability.models import DmarcReport, DmarcRow
from app.mail.fields import parameter
from app.mail.mime import Part, read_parts
from app.messages.models import IncomingMail
from app.sending.domains.names import lineage
from app.sending.models import SendingDomain, SigningKey

BATCH = 1000
_TYPES = frozenset(
    {
        *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
        *("text/xml", "application/xml", "application/octet-stream"),
    }
)
_NAMED = re.compile(r"[^!\s]+![^!\s]+!\d+!\d+(?:![^!]*)?\.(?:xml|xml\.gz|gz|zip)", re.IGNORECASE)
_PACKED = re.compile(r".+\.(?:xml|gz|zip)", re.IGNORECASE)
_SUBJECT = re.compile(r"report\s+domain\s*:", re.IGNORECASE)


def take_in_report(raw: bytes) -> DmarcReport | None:
    """The report in a mail, stored for each workspace that has shown that the domain is its own; flushes.

    None when the mail brings no report, or one on a domain that nobody here has proved to own: a key of theirs was
    seen in its DNS. Raises Invalid for a report that cannot be read. Safe to repeat.
    """
    packed = attached_report(raw)
    if packed is None:
        return None
    report = read_report(unpack(packed))
    stored = []
    for workspace_id, domains in _owners(report).items():
        with in_workspace(workspace_id):
            stored.append(_store(report, domains))
    return next((each for each in stored if each is not None), None)


def read_incoming(mail: IncomingMail) -> str:
    """Take in the report of a mail that came to our mailbox, and say so in a line; empty when it brings none."""
    if attached_report(mail.raw) is None:
        return ""
    try:
        with db.session.begin_nested():
            report = take_in_report(mail.raw)
    except Invalid as error:
        return f"a DMARC report that was not taken in: {error}"
    if report is None:
        return "a DMARC report on a domain that nobody here has shown to own; nothing was taken in"
    return f"DMARC report of {report.organisation} on {report.domain}"


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


def attached_report(raw: bytes) -> bytes | None:
    """The file in a mail that is named as reports are (RFC 9990 §3.5); None without one."""
    mail = read_parts(raw)
    is_announced = _SUBJECT.search(mail.header.text("Subject")) is not None
    for part in mail.walk():
        if part.content_type in _TYPES and not part.parts:
            name = _file_name(part)
            if _NAMED.fullmatch(name) or (is_announced and _PACKED.fullmatch(name)):
                return part.content
    return None


def _file_name(part: Part) -> str:
    disposition = parameter(part.header.get("Content-Disposition"), "filename")
    return (disposition or parameter(part.header.get("Content-Type"), "name") or "").strip()


def _owners(report: Report) -> dict[int, list[str]]:
    """The domains at stake, of each workspace that owns some: those above the report's domain, and those below it."""
    proved = select(SigningKey.id).where(SigningKey.domain_id == SendingDomain.id, SigningKey.seen_at.is_not(None))
    concerned = or_(
        SendingDomain.domain.in_(lineage(report.domain)),
        func.right(SendingDomain.domain, len(report.domain) + 1) == f".{report.domain}",
    )
    owners: dict[int, list[str]] = {}
    with every_workspace():
        rows = db.session.execute(
            select(SendingDomain.workspace_id, SendingDomain.domain).where(concerned, proved.exists())
        ).all()
    for workspace_id, domain in rows:
        owners.setdefault(workspace_id, []).append(domain)
    return owners


def _known(report: Report) -> DmarcReport | None:
    return db.session.scalar(
        select(DmarcReport).where(
            DmarcReport.organisation == report.organisation, DmarcReport.report_id == report.report_id
        )
    )


def _store(report: Report, domains: Iterable[str]) -> DmarcReport | None:
    """Of a report on a whole organisation, only the rows on these domains; None when there is nothing on them."""
    owned = frozenset(domains)
    rows = [row for row in report.rows if owned & {row.header_from, *lineage(row.header_from)}]
    if not rows and not owned & set(lineage(report.domain)):
        return None
    policy = {**report.policy, "unreadable": report.unreadable, "left_out": report.left_out}
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
