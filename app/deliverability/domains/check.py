"""Looking at the records of a domain, keeping what was found, and looking again each day."""

import math
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.errors import NotFound
from app.core.logging import log
from app.deliverability.dmarc.intake import take_in_waiting
from app.deliverability.domains.facts import Facts, facts_of, names_of_ours
from app.deliverability.domains.findings import Finding, has_answers, merged, read_finding
from app.deliverability.domains.look import CHECKS, look_at
from app.sending.domains.check import DAILY, MOST, SILENT
from app.sending.models import SendingDomain, SigningKey

PART = "dns"
"""Where these findings stand, beside those of DKIM."""


def check_records(domain_id: int, until: float = math.inf) -> dict[str, Finding]:
    """Look now, until a moment of the monotonic clock, and keep what was found; flushes. Raises NotFound.

    No row is locked while DNS is asked. Where it was silent, the last finding stays and says so.
    """
    domain = db.session.scalar(select(SendingDomain).where(SendingDomain.id == domain_id))
    if domain is None:
        raise NotFound("This domain is not here any more.")
    facts = facts_of(domain)
    found, before = look_at(facts, until=until), kept_findings(domain, facts)
    now, at = int(clock.now().timestamp()), 0 if has_other_names(domain, facts) else kept_at(domain)
    findings = {kind: merged(before.get(kind), finding, now) for kind, finding in found.items()}
    _keep(domain, facts, findings, now if has_answers(found.values()) else at, now)
    return findings


def kept_findings(domain: SendingDomain, facts: Facts | None = None) -> dict[str, Finding]:
    """What was last found, by kind; not what was asked about other names than those in use now."""
    if facts is None:
        with in_workspace(domain.workspace_id):
            facts = facts_of(domain)
    checks, about = (domain.findings.get(PART, {}).get(name, {}) for name in ("checks", "about"))
    now = {kind: stored for kind, stored in checks.items() if about.get(kind, "") == facts.about(kind)}
    return {kind: read_finding(kind, stored) for kind, stored in now.items()}


def has_other_names(domain: SendingDomain, facts: Facts) -> bool:
    """Whether names have changed since the last look."""
    about = domain.findings.get(PART, {}).get("about", {})
    return any(about.get(kind, "") != facts.about(kind) for kind in CHECKS)


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


def _keep(domain: SendingDomain, facts: Facts, findings: dict[str, Finding], at: int, tried_at: int) -> None:
    """Into the findings as they are in the database: DKIM's look writes its part beside this one."""
    noted: dict[str, Any] = {kind: finding.to_json() for kind, finding in findings.items()}
    about = {kind: facts.about(kind) for kind in noted}
    mine = cast({PART: {"checks": noted, "about": about, "at": at, "tried_at": tried_at}}, JSONB)
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
    is_old = (looked_at < now - int(DAILY.total_seconds())) & (tried_at < now - 3600)
    return or_(is_old, _has_other_names())


def _has_other_names() -> ColumnElement[bool]:
    """The same as `has_other_names`, in SQL: what differs between domains is the key that signs."""
    about = SendingDomain.findings[PART]["about"]
    key = select(SigningKey.selector).where(SigningKey.domain_id == SendingDomain.id, SigningKey.state == "active")
    key = key.where(SigningKey.algorithm == "rsa-sha256").limit(1)
    signing = func.coalesce(key.scalar_subquery() + "._domainkey." + SendingDomain.domain, "")
    return or_(func.coalesce(about["tls"].astext, "") != names_of_ours(), about["dkim"].astext != signing)
