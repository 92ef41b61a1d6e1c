"""Looking into DNS: which records are there, and what follows for the keys."""

import math
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.core.database import db, every_workspace
from app.core.errors import NotFound, TemporaryFailure
from app.core.logging import log
from app.sending.domains.keys import needed_keys
from app.sending.domains.lookup import ask_txt
from app.sending.domains.records import Finding, judge, key_record
from app.sending.domains.rotation import KEPT, activate_published
from app.sending.domains.setup import lock_domain
from app.sending.models import SendingDomain, SigningKey

DAILY = timedelta(days=1)
EAGER = timedelta(hours=1)
"""How often domains are looked at whose first key waits for its record."""
MOST = 200
"""Domains in one round of the job."""
SILENT = 5
"""After so many domains in a row of which DNS said nothing, the round ends: it is not the domains."""


@dataclass(frozen=True, slots=True)
class Look:
    """What DNS said: the findings by selector, and why the rest is not known."""

    records: dict[str, Finding] = field(default_factory=dict)
    trouble: str = ""


def check_domain(domain_id: int, until: float = math.inf) -> Look:
    """Look at a domain's records and put keys to work that are published; flushes. Raises NotFound.

    Where DNS does not answer, or not until a moment of the monotonic clock, everything stays as it was, and the trouble
    is noted.
    """
    domain = db.session.scalar(select(SendingDomain).where(SendingDomain.id == domain_id))
    if domain is None:
        raise NotFound("This domain is not here any more.")
    look = _look(domain.domain, needed_keys(domain), until)
    _note(lock_domain(domain_id), look)
    return look


def check_due() -> None:
    """Look at every domain whose last look is a day old; for the schedule. Commits after each."""
    silent = 0
    with every_workspace():
        due = list(db.session.scalars(select(SendingDomain.id).where(_is_due()).order_by(func.random()).limit(MOST)))
        for domain_id in due:
            try:
                silent = silent + 1 if check_domain(domain_id).trouble else 0
            except NotFound:
                db.session.rollback()
                continue
            db.session.commit()
            if silent >= SILENT:
                log("sending").warning("DNS does not answer; domains are looked at later")
                return


def _look(domain: str, keys: list[SigningKey], until: float) -> Look:
    records: dict[str, Finding] = {}
    for key in keys:
        try:
            found = ask_txt(key_record(domain, key.selector, key.public).name, until)
        except TemporaryFailure as error:
            return Look(records, str(error))
        records[key.selector] = judge(found, key.public)
    return Look(records)


def _note(domain: SendingDomain, look: Look) -> None:
    before = domain.findings.get("dkim", {})
    keys, now = needed_keys(domain), clock.now()
    records = {**before.get("records", {}), **look.records}
    noted = {
        "records": {key.selector: records[key.selector] for key in keys if key.selector in records},
        "trouble": look.trouble,
        "at": before.get("at", 0) if look.trouble else int(now.timestamp()),
    }
    _merge(domain, noted)
    if not look.trouble:
        domain.checked_at = now
    for key in keys:
        if look.records.get(key.selector) == "published":
            key.seen_at = now
        elif look.records.get(key.selector) == "missing" and _is_over(key):
            db.session.delete(key)
    db.session.flush()
    for key in activate_published(domain):
        log("sending").info("DKIM key in use", domain_id=domain.id, selector=key.selector)


def _merge(domain: SendingDomain, noted: dict[str, object]) -> None:
    """Into the findings as they are in the database: other checks write theirs beside ours."""
    mine = cast({"dkim": noted}, JSONB)
    db.session.execute(
        update(SendingDomain)
        .where(SendingDomain.id == domain.id)
        .values(findings=SendingDomain.findings.op("||")(mine))
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(domain, ["findings"])


def _is_over(key: SigningKey) -> bool:
    """Whether nobody needs a retired key's record any more."""
    return key.retired_at is not None and key.retired_at + KEPT <= clock.now()


def _is_due() -> ColumnElement[bool]:
    looked_at = func.coalesce(cast(SendingDomain.findings["dkim"]["at"].astext, BigInteger), 0)
    has_key = select(SigningKey.id).where(SigningKey.domain_id == SendingDomain.id, SigningKey.state == "active")
    now = int(clock.now().timestamp())
    waits = and_(SendingDomain.is_signing, ~has_key.exists())
    return or_(looked_at < now - DAILY.total_seconds(), and_(waits, looked_at < now - EAGER.total_seconds()))
