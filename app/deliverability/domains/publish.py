"""The records to publish for a domain, beside those of its keys."""

from dataclasses import dataclass

from app.deliverability.domains.checks.spf import spf_to_publish
from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.unset import lacks
from app.sending.domains.names import lineage


@dataclass(frozen=True, slots=True)
class Publish:
    """A record as its owner puts it into DNS."""

    name: str
    type: str
    value: str


def publish_for(kind: str, facts: Facts, finding: Finding | None) -> Publish | None:
    """What to publish for a check; None where there is nothing to say, or DKIM's own part says it."""
    found = finding.found if finding else ()
    if lacks(kind, facts):
        return None
    if kind == "spf" and not (finding and finding.state == "skipped"):
        return Publish(facts.bounce_domain, "TXT", spf_to_publish(facts, finding))
    if kind == "dmarc" and not (found and finding and finding.state == "ok"):
        return Publish(f"_dmarc.{facts.domain}", "TXT", dmarc_value(facts))
    foreign = not _is_family(facts.domain, facts.bounce_domain) or (finding and finding.has("rua-not-agreed"))
    if kind == "reports" and foreign:
        return Publish(f"{facts.domain}._report._dmarc.{facts.bounce_domain}", "TXT", "v=DMARC1")
    if kind == "mx-bounce" and facts.takes_bounces:
        return Publish(facts.bounce_domain, "MX", f"10 {facts.own_names[0]}")
    return None


def dmarc_value(facts: Facts) -> str:
    """A policy that asks for nothing but reports, where there is a place for them: the one to begin with."""
    if not facts.has_bounces:
        return "v=DMARC1; p=none"
    return f"v=DMARC1; p=none; rua=mailto:{facts.report_address}"


def _is_family(domain: str, other: str) -> bool:
    """Whether one lies under the other, or both under the same name; what DMARC asks is seen by the check itself."""
    return bool(set(lineage(domain)) & set(lineage(other)))
