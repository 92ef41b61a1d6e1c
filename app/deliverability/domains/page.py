"""What the page shows of a domain's other records: the finding in words, and what to publish."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.deliverability.domains.check import kept_at, kept_findings
from app.deliverability.domains.facts import Facts, facts_of
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.look import CHECKS
from app.deliverability.domains.publish import Publish, publish_for
from app.deliverability.domains.reasons import BULK
from app.deliverability.domains.unset import lacks, needs_bounces, needs_name, points_here
from app.deliverability.domains.verdict import kept_verdict
from app.deliverability.domains.words import TITLES, WAITS, words_of
from app.sending.domains.keys import keys_of
from app.sending.models import SendingDomain


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """A check. `state` is empty as long as nobody has looked; `at` is when the finding was made."""

    kind: str
    title: str
    state: str
    faults: list[str]
    notes: list[str]
    found: tuple[str, ...]
    trouble: str
    at: datetime | None
    publish: Publish | None

    @property
    def is_bad(self) -> bool:
        return self.state in ("missing", "wrong")


@dataclass(frozen=True, slots=True)
class ShownRecords:
    """The checks of a domain, the bad ones first."""

    checks: list[ShownCheck]
    at: datetime | None
    blocks: list[str]
    """Why no campaign starts from the domain …"""
    blocks_bulk: list[str]
    """… and why none to very many people does."""
    unset: list[str]
    """Names of this installation that must be set first."""
    is_proved: bool
    """Whether DNS has shown the domain to be theirs: before, reports by mail wait."""

    @property
    def bad(self) -> int:
        return sum(check.is_bad for check in self.checks) + len(self.unset)


def show_records(domain: SendingDomain) -> ShownRecords:
    """Everything the page says of the records, DKIM's own apart."""
    facts, kept, at = facts_of(domain), kept_findings(domain), kept_at(domain)
    checks = [_shown(kind, kept.get(kind), facts) for kind in CHECKS]
    reasons = kept_verdict(domain)
    in_bulk = {reason.code for reason in kept_verdict(domain, BULK + 1) if reason.is_blocking}
    return ShownRecords(
        sorted(checks, key=lambda check: not check.is_bad),
        _moment(at),
        blocks=[reason.message for reason in reasons if reason.is_blocking],
        blocks_bulk=[reason.message for reason in reasons if not reason.is_blocking and reason.code in in_bulk],
        unset=[words for words in (needs_bounces(facts), needs_name(facts)) if words],
        is_proved=any(key.seen_at for key in keys_of(domain)),
    )


def _shown(kind: str, finding: Finding | None, facts: Facts) -> ShownCheck:
    publish = publish_for(kind, facts, finding)
    finding = finding or Finding(kind, "unknown")  # type: ignore[arg-type]
    if lack := lacks(kind, facts):
        # Whatever was found is somebody else's.
        words = str(WAITS) % {"name": lack}
        return ShownCheck(kind, str(TITLES[finding.kind]), "skipped", [], [words], (), "", None, None)
    points = points_here(kind, facts) if publish else ""
    return ShownCheck(
        kind=kind,
        title=str(TITLES[finding.kind]),
        state=finding.state if finding.at or finding.trouble else "",
        faults=[words_of(each) for each in finding.problems if each.is_fault],
        notes=[*(words_of(each) for each in finding.problems if not each.is_fault), *([points] if points else [])],
        found=finding.found,
        trouble=finding.trouble,
        at=_moment(finding.at),
        publish=publish,
    )


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
