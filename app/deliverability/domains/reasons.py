"""From findings to reasons: what receivers say to such mail, and what to publish against it."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.free_mail import is_reserved
from app.deliverability.domains.publish import dmarc_value

BULK = 5000
"""Messages in a day from which Gmail and Outlook count a sender among those in bulk."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why mail would be refused, or, where it does not block, be looked at askance."""

    code: str
    message: str
    is_blocking: bool = True


def reasons_of(facts: Facts, findings: dict[str, Finding], people: int) -> list[Reason]:
    """The reasons, those that block first."""
    found = [
        *_authentication(facts, findings),
        *_policy(facts, findings, people),
        *_names(facts, findings),
        *_machines(findings),
    ]
    return sorted(found, key=lambda reason: not reason.is_blocking)


def _authentication(facts: Facts, findings: dict[str, Finding]) -> Iterator[Reason]:
    spf, dkim, alignment = (_of(findings, kind) for kind in ("spf", "dkim", "alignment"))
    if dkim.has("dkim-small"):
        yield Reason(
            "dkim-small",
            f"The DKIM key that DNS has for {facts.domain} is shorter than 1024 bits: Gmail answers 550 5.7.30, and "
            "Yahoo counts the mail as unsigned. Publish the record shown under Settings, Domains.",
        )
    elif spf.is_bad and dkim.is_bad:
        yield Reason(
            "unauthenticated",
            f"Neither SPF nor DKIM holds for {facts.domain}: Gmail answers 550 5.7.26 (unauthenticated), Outlook "
            "550 5.7.515, and Yahoo refuses it as well. Publish the records shown under Settings, Domains, or, where "
            "your relay signs, say so there.",
        )
    elif _fails_alignment(alignment, spf, dkim):
        envelope = facts.bounce_domain if facts.own_envelope else "your provider's domain"
        by_spf = f"SPF does not hold for {envelope}" if spf.is_bad else f"SPF is for {envelope}"
        yield Reason(
            "not-aligned",
            f"Nothing vouches for {facts.domain} in From: {by_spf}, and no valid DKIM "
            "signature carries the domain. Gmail answers 550 5.7.32, Yahoo and Outlook take it as failing DMARC. "
            "Publish the DKIM record shown under Settings, Domains, or, where your relay signs, say so there.",
        )
    elif spf.is_bad or dkim.is_bad:
        name, other = ("SPF", "DKIM") if spf.is_bad else ("DKIM", "SPF")
        yield Reason(
            f"{name.lower()}-fails",
            f"{name} does not hold for {facts.domain}; {other} alone carries the mail. To many people Gmail and "
            "Outlook ask for both. See Settings, Domains.",
            is_blocking=False,
        )


def _fails_alignment(alignment: Finding, spf: Finding, dkim: Finding) -> bool:
    """Whether there is a policy, and nothing that holds bears the domain in From."""
    if alignment.state not in ("ok", "wrong"):
        return False
    by_spf = alignment.has("align-spf") and not spf.is_bad
    by_dkim = alignment.has("align-dkim") and not dkim.is_bad
    return not (by_spf or by_dkim or alignment.has("align-unknown"))


def _policy(facts: Facts, findings: dict[str, Finding], people: int) -> Iterator[Reason]:
    if _of(findings, "dmarc").has("dmarc-missing", "dmarc-several", "dmarc-void"):
        is_bulk = people > BULK
        size = f"To {people:,} people in a day" if is_bulk else f"To more than {BULK:,} people in a day"
        yield Reason(
            "no-dmarc",
            f"{facts.domain} has no valid DMARC record. {size}, Outlook answers 550 5.7.515, Yahoo refuses, and Gmail "
            f"defers (4.7.40). Publish a TXT record at _dmarc.{facts.domain}: {dmarc_value(facts)}",
            is_blocking=is_bulk,
        )


def _names(facts: Facts, findings: dict[str, Finding]) -> Iterator[Reason]:
    if _of(findings, "soa").is_bad:
        yield Reason(
            "no-such-domain",
            f"{facts.domain} is not in DNS (no SOA): Yahoo and most others refuse the sender as not existing. "
            "Correct the sender's address, or have the domain set up.",
        )
    elif _of(findings, "mx").is_bad:
        yield Reason(
            "no-answers",
            f"{facts.domain} takes no mail, so nobody could answer: Yahoo and others refuse senders that cannot be "
            "written to (550 5.7.27, null MX). Publish an MX record for it, or send from a domain that has one.",
        )
    if facts.own_envelope and _of(findings, "soa-bounce").is_bad:
        yield Reason(
            "no-bounce-domain",
            f"The domain of the return address, {facts.bounce_domain}, is not in DNS: most receivers refuse mail "
            "whose return address does not exist. Publish its records, or correct MERPATI_BOUNCE_DOMAIN.",
            # The name that stands there before anybody has set one.
            is_blocking=not is_reserved(facts.bounce_domain),
        )
    elif facts.takes_bounces and _of(findings, "mx-bounce").is_bad:
        yield Reason(
            "no-bounces",
            f"Bounces cannot come back: {facts.bounce_domain} takes no mail. Publish its MX record.",
            is_blocking=False,
        )


def _machines(findings: dict[str, Finding]) -> Iterator[Reason]:
    if _of(findings, "ptr").has("ptr-none", "ptr-not-confirmed"):
        # Mail may leave from another address than the one in the relay's name, so this alone stops nothing.
        yield Reason(
            "no-reverse-name",
            "Your relay's address has no reverse name that leads back to it: if mail leaves from there, Gmail answers "
            "550 5.7.25, and Outlook and Yahoo refuse it as well. See Settings, Domains.",
            is_blocking=False,
        )


def _of(findings: dict[str, Finding], kind: str) -> Finding:
    return findings.get(kind) or Finding("spf", "unknown")
