"""What the page shows of a domain's other records: the finding in words, and what to publish."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.deliverability.domains.causes import SHARED, causes_of
from app.deliverability.domains.check import kept_at, kept_findings
from app.deliverability.domains.facts import Facts, facts_of
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.free_mail import is_of_free_mail, why_not_free_mail
from app.deliverability.domains.look import CHECKS
from app.deliverability.domains.publish import Publish, publish_for
from app.deliverability.domains.reasons import BULK
from app.deliverability.domains.unset import lacks, needs_bounces, needs_name, points_here
from app.deliverability.domains.verdict import kept_verdict
from app.deliverability.domains.words import TITLES, WAITS, WARNINGS, words_of
from app.sending.domains.keys import keys_of
from app.sending.models import SendingDomain


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """A check. `state` is empty as long as nobody has looked; `at` is when the finding was made.

    `cause`: the title of the check that this one only follows from; `brings`: the titles of those that follow from it.
    """

    kind: str
    title: str
    state: str
    faults: list[str]
    notes: list[str]
    found: tuple[str, ...]
    trouble: str
    at: datetime | None
    publish: Publish | None
    cause: str = ""
    brings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What is fine now and will not be for long."""

    @property
    def is_bad(self) -> bool:
        return self.state in ("missing", "wrong")

    @property
    def is_cause(self) -> bool:
        return self.is_bad and not self.cause


@dataclass(frozen=True, slots=True)
class ShownShared:
    """What all domains have in common: the return address, and the machine that sends."""

    name: str
    checks: list[ShownCheck]
    at: datetime | None
    unset: list[str]
    """Names of this installation that must be set first."""

    @property
    def causes(self) -> list[ShownCheck]:
        return [check for check in self.checks if check.is_cause]

    @property
    def bad(self) -> int:
        return len(self.causes) + len(self.unset)


@dataclass(frozen=True, slots=True)
class ShownRecords:
    """The checks of a domain, the bad ones first; not those that all domains share."""

    checks: list[ShownCheck]
    at: datetime | None
    blocks: list[str]
    """Why no campaign starts from the domain …"""
    blocks_bulk: list[str]
    """… and why none to very many people does."""
    is_proved: bool
    """Whether DNS has shown the domain to be theirs: before, reports by mail wait."""
    is_signed_by_relays: bool = False
    """Whether its keys, though ready, sign nothing: all transports do that themselves."""

    @property
    def causes(self) -> list[ShownCheck]:
        return [check for check in self.checks if check.is_cause]

    @property
    def bad(self) -> int:
        return len(self.causes)


def show_records(domain: SendingDomain) -> ShownRecords:
    """Everything the page says of the records, DKIM's own apart."""
    facts, kept = facts_of(domain), kept_findings(domain)
    reasons = kept_verdict(domain)
    in_bulk = {reason.code for reason in kept_verdict(domain, BULK + 1) if reason.is_blocking}
    foreign = [why_not_free_mail(domain.domain)] if is_of_free_mail(domain.domain) else []
    return ShownRecords(
        _in_order(facts, kept, [kind for kind in CHECKS if kind not in SHARED]),
        _moment(kept_at(domain)),
        blocks=[*foreign, *(reason.message for reason in reasons if reason.is_blocking)],
        blocks_bulk=[reason.message for reason in reasons if not reason.is_blocking and reason.code in in_bulk],
        is_proved=any(key.seen_at for key in keys_of(domain)),
        is_signed_by_relays=domain.is_signing and facts.only_relay_signs,
    )


def show_shared(domains: Sequence[SendingDomain]) -> ShownShared | None:
    """What the domains share, by the latest look at any of them; None without one."""
    if not domains:
        return None
    latest = max(domains, key=kept_at)
    facts = facts_of(latest)
    return ShownShared(
        facts.bounce_domain,
        _in_order(facts, kept_findings(latest), SHARED),
        _moment(kept_at(latest)),
        unset=[words for words in (needs_bounces(facts), needs_name(facts)) if words],
    )


def _in_order(facts: Facts, kept: dict[str, Finding], kinds: Sequence[str]) -> list[ShownCheck]:
    """Causes first, then what follows from them, then what will not be fine for long, then the rest."""
    checks = [_shown(kind, kept.get(kind), facts) for kind in kinds]
    causes = causes_of({check.kind: check.is_bad for check in checks})
    titles = {check.kind: check.title for check in checks}
    told = []
    for check in checks:
        root = causes.get(check.kind, check.kind)
        brings = tuple(titles[kind] for kind, cause in causes.items() if cause == check.kind != kind)
        told.append(replace(check, cause=titles[root] if root != check.kind else "", brings=brings))
    return sorted(told, key=lambda check: (not check.is_cause, not check.is_bad, not check.warnings))


def _shown(kind: str, finding: Finding | None, facts: Facts) -> ShownCheck:
    publish = publish_for(kind, facts, finding)
    finding = finding or Finding(kind, "unknown")  # type: ignore[arg-type]
    if lack := lacks(kind, facts):
        # Whatever was found is somebody else's.
        words = str(WAITS) % {"name": lack}
        return ShownCheck(kind, str(TITLES[finding.kind]), "skipped", [], [words], (), "", None, None)
    points = points_here(kind, facts) if publish else ""
    notes = [each for each in finding.problems if not each.is_fault and each.code not in WARNINGS]
    return ShownCheck(
        kind=kind,
        title=str(TITLES[finding.kind]),
        state=finding.state if finding.at or finding.trouble else "",
        faults=[words_of(each) for each in finding.problems if each.is_fault],
        notes=[*(words_of(each) for each in notes), *([points] if points else [])],
        found=finding.found,
        trouble=finding.trouble,
        at=_moment(finding.at),
        publish=publish,
        warnings=tuple(words_of(each) for each in finding.problems if each.code in WARNINGS),
    )


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
