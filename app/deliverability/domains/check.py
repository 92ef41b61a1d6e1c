"""Looking at the records of a domain, keeping what was found, and looking again each day."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import NotFound
from app.core.logging import log
from app.deliverability.dmarc.intake import take_in_waiting
from app.deliverability.domains.facts import facts_of
from app.deliverability.domains.findings import Finding, has_answers, merged, read_finding
from app.deliverability.domains.look import look_at
from app.sending.domains.check import DAILY, MOST, SILENT
from app.sending.models import SendingDomain

PART = "dns"
"""Where these findings stand, beside those of DKIM."""


def check_records(domain_id: int) -> dict[str, Finding]:
    """Look now and keep what was found; flushes. Raises NotFound.

    No row is locked while DNS is asked. Where it was silent, the last finding stays and says so.
    """
    domain = db.session.scalar(select(SendingDomain).where(SendingDomain.id == domain_id))
    if domain is None:
        raise NotFound("This domain is not here any more.")
    found, before, now = look_at(facts_of(domain)), kept_findings(domain), int(clock.now().timestamp())
    findings = {kind: merged(before.get(kind), finding, now) for kind, finding in found.items()}
    _keep(domain, findings, now if has_answers(found.values()) else kept_at(domain), now)
    return findings


def kept_findings(domain: SendingDomain) -> dict[str, Finding]:
    """What was last found, by kind."""
    checks = domain.findings.get(PART, {}).get("checks", {})
    return {kind: read_finding(kind, stored) for kind, stored in checks.items()}


def kept_at(domain: SendingDomain) -> int:
    """When DNS last said something; 0 when never. Seconds since 1970."""
    return int(domain.findings.get(PART, {}).get("at", 0))


def check_due() -> None:
    """Look at every domain whose last look is a day old; for the schedule. Commits after each."""
    silent = 0
    with every_workspace():
        due = db.session.execute(
            select(SendingDomain.id, SendingDomain.workspace_id).where(_is_due()).order_by(func.random()).limit(MOST)
        ).all()
    for domain_id, workspace_id in due:
        with in_workspace(workspace_id):
            try:
                found = check_records(domain_id)
                take_in_waiting(db.session.get_one(SendingDomain, domain_id).domain)
            except NotFound:
                db.session.rollback()
                continue
            db.session.commit()
        silent = silent + 1 if sum(bool(each.trouble) for each in found.values()) > len(found) // 2 else 0
        if silent >= SILENT:
            log("deliverability").warning("DNS does not answer; domains are looked at later")
            return


def _keep(domain: SendingDomain, findings: dict[str, Finding], at: int, tried_at: int) -> None:
    """Into the findings as they are in the database: DKIM's look writes its part beside this one."""
    noted: dict[str, Any] = {kind: finding.to_json() for kind, finding in findings.items()}
    mine = cast({PART: {"checks": noted, "at": at, "tried_at": tried_at}}, JSONB)
    db.session.execute(
        update(SendingDomain)
        .where(SendingDomain.id == domain.id)
        .values(findings=SendingDomain.findings.op("||")(mine))
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(domain, ["findings"])


def _is_due() -> ColumnElement[bool]:
    tried_at = func.coalesce(cast(SendingDomain.findings[PART]["tried_at"].astext, BigInteger), 0)
    looked_at = func.coalesce(cast(SendingDomain.findings[PART]["at"].astext, BigInteger), 0)
    now = int(clock.now().timestamp())
    # A look that failed is tried again an hour later, not at each round of the schedule.
    return (looked_at < now - int(DAILY.total_seconds())) & (tried_at < now - 3600)
