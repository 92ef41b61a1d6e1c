"""Whether mail from a domain would be refused, by what DNS has: said before it is sent, in the receivers' words."""

from dataclasses import dataclass, replace

from sqlalchemy import select

from app.core import clock
from app.core.database import db
from app.core.errors import Busy
from app.deliverability.domains.check import has_other_names, kept_at, kept_findings
from app.deliverability.domains.facts import Facts, facts_of, facts_of_stranger
from app.deliverability.domains.findings import Finding, has_answers
from app.deliverability.domains.free_mail import is_free_mail, is_reserved
from app.deliverability.domains.glance import glance
from app.deliverability.domains.reasons import Reason, reasons_of
from app.deliverability.domains.told import sent_today, signed_as
from app.deliverability.domains.unset import needs_bounces, needs_name
from app.sending.domains.names import lineage
from app.sending.models import SendingDomain

FRESH = 48 * 3600


@dataclass(frozen=True, slots=True)
class _Seen:
    facts: Facts
    findings: dict[str, Finding]
    is_fresh: bool


def verdict(domain: str, people: int = 0) -> list[Reason]:
    """Why mail from this domain to so many people would be refused or looked at askance; empty: nothing is known.

    Of the workspace in scope. What DNS did not tell never blocks, and reserved names are never judged. Takes as long
    as a look into DNS where the last one is older than two days or was about other names, or the domain is not set up
    here.
    """
    if is_reserved(domain):
        return [replace(reason, is_blocking=False) for reason in _unset(facts_of_stranger(domain))]
    if is_free_mail(domain):
        return [_free_mail(domain)]
    if people:
        people += sent_today(domain)
    try:
        return _looked_at(domain, people)
    except Busy:
        return [_busy(domain)]


def _looked_at(domain: str, people: int) -> list[Reason]:
    row = _nearest(domain)
    if row is None:
        seen = _seen_now(facts_of_stranger(domain), ("soa", "mx", "dmarc"))
        return [*_unset(seen.facts), *_judged(seen, people), _not_set_up(domain)]
    seen = _last_seen(row) if row.domain == domain else _seen_now(facts_of(row, domain))
    return [*_unset(seen.facts), *_judged(seen, people), *_by_relay(seen)]


def _busy(domain: str) -> Reason:
    """Blocks, unlike silence: a moment later it is known."""
    return Reason(
        "domain-check-busy",
        f"The records of {domain} were not looked at, since another check is under way. Try again in a few seconds.",
    )


def kept_verdict(row: SendingDomain, people: int = 0) -> list[Reason]:
    """The same of a domain that is set up, by what the last look found; empty where nobody has looked for two days."""
    if is_reserved(row.domain) or kept_at(row) < clock.now().timestamp() - FRESH:
        return []
    facts = facts_of(row)
    return reasons_of(facts, _recent(kept_findings(row, facts)), people)


def _nearest(domain: str) -> SendingDomain | None:
    names = lineage(domain)
    rows = db.session.scalars(select(SendingDomain).where(SendingDomain.domain.in_(names))).all()
    return min(rows, key=lambda row: names.index(row.domain), default=None)


def _last_seen(row: SendingDomain) -> _Seen:
    """What the daily look found, or, where that is old or of other names, what there is now."""
    facts = facts_of(row)
    kept = kept_findings(row, facts)
    if kept_at(row) >= clock.now().timestamp() - FRESH and not has_other_names(row, facts):
        return _Seen(facts, _recent(kept), is_fresh=True)
    now = _seen_now(facts)
    return now if now.is_fresh or not kept else _Seen(facts, kept, is_fresh=False)


def _recent(kept: dict[str, Finding]) -> dict[str, Finding]:
    """Without those that DNS has not renewed for two days, though it told other things: they say nothing of today."""
    since = clock.now().timestamp() - FRESH
    return {kind: finding for kind, finding in kept.items() if finding.at >= since}


def _by_relay(seen: _Seen) -> list[Reason]:
    """Where a relay signs, whether as this domain: nothing in DNS tells, receivers' reports do."""
    domain, alignment = seen.facts.domain, seen.findings.get("alignment")
    if alignment is None or not alignment.has("align-unknown"):
        return []
    told = signed_as(domain)
    if told.as_domain:
        return []
    seen_by = f"Receivers reported {told.messages:,} messages, none of them" if told.messages else "Nobody reported yet"
    words = "signed as it" if told.messages else "whether it signs as it"
    return [
        Reason(
            "relay-signs",
            f"Your relay signs for {domain}. {seen_by} {words}; unless it does, Gmail answers 550 5.7.32, and Yahoo "
            "and Outlook take the mail as failing DMARC. Verify the whole domain there, not an address alone (Easy "
            f"DKIM at Amazon SES), and look into a trial mail: its DKIM-Signature must say d={domain}.",
            is_blocking=False,
        )
    ]


def _seen_now(facts: Facts, kinds: tuple[str, ...] = ()) -> _Seen:
    found = glance(facts, kinds)
    return _Seen(facts, found, is_fresh=has_answers(found.values()))


def _judged(seen: _Seen, people: int) -> list[Reason]:
    reasons = reasons_of(seen.facts, seen.findings, people)
    if seen.is_fresh:
        return reasons
    return [_not_looked(seen.facts.domain), *(replace(reason, is_blocking=False) for reason in reasons)]


def _unset(facts: Facts) -> list[Reason]:
    """Names of ours that are not set: mail that really leaves must not bear somebody else's."""
    words = needs_bounces(facts) or needs_name(facts)
    return [Reason("names-not-set", words)] if words and not facts.is_caught else []


def _free_mail(domain: str) -> Reason:
    return Reason(
        "free-mail",
        f"Addresses at {domain} cannot be a newsletter's sender: only {domain} itself can vouch for them, so Gmail, "
        "Yahoo and Outlook refuse the mail or take it for forged. Send from an address at a domain of your own.",
    )


def _not_set_up(domain: str) -> Reason:
    return Reason(
        "domain-not-set-up",
        f"{domain} is not set up under Settings, Domains, so its mail goes out unsigned unless your relay signs. "
        "Add it there and publish its records.",
        is_blocking=False,
    )


def _not_looked(domain: str) -> Reason:
    return Reason(
        "domain-not-looked",
        f"DNS did not answer, so the records of {domain} could not be checked just now. Check under Settings, Domains.",
        is_blocking=False,
    )
