"""What the page shows of a domain's other records: the finding in words, and what to publish."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.deliverability.domains.check import kept_at, kept_findings
from app.deliverability.domains.facts import facts_of
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.look import CHECKS
from app.deliverability.domains.publish import Publish, publish_for
from app.deliverability.domains.words import TITLES, words_of
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

    @property
    def bad(self) -> int:
        return sum(check.is_bad for check in self.checks)


def show_records(domain: SendingDomain) -> ShownRecords:
    """Everything the page says of the records, DKIM's own apart."""
    facts, kept, at = facts_of(domain), kept_findings(domain), kept_at(domain)
    checks = [_shown(kind, kept.get(kind), publish_for(kind, facts, kept.get(kind))) for kind in CHECKS]
    return ShownRecords(sorted(checks, key=lambda check: not check.is_bad), _moment(at))


def _shown(kind: str, finding: Finding | None, publish: Publish | None) -> ShownCheck:
    finding = finding or Finding(kind, "unknown")  # type: ignore[arg-type]
    return ShownCheck(
        kind=kind,
        title=str(TITLES[finding.kind]),
        state=finding.state if finding.at or finding.trouble else "",
        faults=[words_of(each) for each in finding.problems if each.is_fault],
        notes=[words_of(each) for each in finding.problems if not each.is_fault],
        found=finding.found,
        trouble=finding.trouble,
        at=_moment(finding.at),
        publish=publish,
    )


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
