"""Who sent in a domain's name, by what receivers counted."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from app.core import clock
from app.core.database import current_workspace_id, db
from app.deliverability.dmarc.likely import Envelope, Likely, OurSigns, envelope_of, likely_of, our_signs

MOST_SOURCES = 50
MOST_REPORTS = 50

_TOTALS = """
SELECT p.domain, count(DISTINCT p.id) AS reports, count(DISTINCT p.organisation) AS receivers,
       max(p.ends_at) AS latest, coalesce(sum(r.count), 0) AS messages,
       coalesce(sum(r.count) FILTER (WHERE r.dkim = 'pass'), 0) AS dkim,
       coalesce(sum(r.count) FILTER (WHERE r.spf = 'pass'), 0) AS spf,
       coalesce(sum(r.count) FILTER (WHERE 'pass' IN (r.dkim, r.spf)), 0) AS passed,
       coalesce(sum(r.count) FILTER (WHERE r.disposition IN ('quarantine', 'reject')), 0) AS stopped
FROM dmarc_reports p LEFT JOIN dmarc_rows r ON r.report_id = p.id
WHERE p.workspace_id = :workspace AND p.ends_at > :since
GROUP BY p.domain ORDER BY p.domain
"""
_SOURCES = """
SELECT r.source_ip, sum(r.count) AS messages,
       coalesce(sum(r.count) FILTER (WHERE r.dkim = 'pass'), 0) AS dkim,
       coalesce(sum(r.count) FILTER (WHERE r.spf = 'pass'), 0) AS spf,
       coalesce(sum(r.count) FILTER (WHERE 'pass' IN (r.dkim, r.spf)), 0) AS passed,
       coalesce(sum(r.count) FILTER (WHERE r.disposition IN ('quarantine', 'reject')), 0) AS stopped,
       (array_agg(r.details ORDER BY r.count DESC))[1:5] AS details,
       (array_agg(r.details ORDER BY r.count DESC) FILTER (WHERE r.spf <> 'pass'))[1:5] AS without_spf
FROM dmarc_reports p JOIN dmarc_rows r ON r.report_id = p.id
WHERE p.workspace_id = :workspace AND p.ends_at > :since AND p.domain = :domain
GROUP BY r.source_ip ORDER BY messages DESC, r.source_ip LIMIT :most
"""
_REPORTS = """
SELECT p.id, p.organisation, p.ends_at, p.received_at, coalesce(p.policy->>'sender', '') AS sender,
       coalesce(sum(r.count), 0) AS messages,
       coalesce(sum(r.count) FILTER (WHERE 'pass' NOT IN (r.dkim, r.spf)), 0) AS failed
FROM dmarc_reports p LEFT JOIN dmarc_rows r ON r.report_id = p.id
WHERE p.workspace_id = :workspace AND p.ends_at > :since AND p.domain = :domain
GROUP BY p.id ORDER BY p.ends_at DESC, p.id DESC LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages: all, those that pass by DKIM, by SPF, by one of them, and those that were stopped for failing."""

    messages: int
    dkim: int
    spf: int
    passed: int
    stopped: int

    @property
    def failed(self) -> int:
        return self.messages - self.passed


@dataclass(frozen=True, slots=True)
class Source:
    """One sending address. `envelope`: what SPF was for where it did not count."""

    ip: str
    counts: Counts
    likely: Likely
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Told:
    """One report: who it says made it, and whose address the mail bore that brought it, if a mail did."""

    id: int
    organisation: str
    sender: str
    ends_at: datetime
    received_at: datetime
    messages: int
    failed: int


@dataclass(frozen=True, slots=True)
class DomainReports:
    """What was reported of one domain."""

    domain: str
    reports: int
    receivers: int
    latest: datetime
    counts: Counts
    sources: list[Source] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """The latest reports, one by one."""


def reported(days: int) -> list[DomainReports]:
    """The domains of the workspace in scope on which there are reports of the last days."""
    named, signs = _named(days), our_signs()
    return [
        replace(each, sources=_sources(each.domain, named, signs), told=_told(each.domain, named))
        for each in reported_in_all(days)
    ]


def reported_in_all(days: int) -> list[DomainReports]:
    """The same without who sent, and without the reports one by one."""
    return [
        DomainReports(row.domain, row.reports, row.receivers, row.latest, _counts(row))
        for row in db.session.execute(text(_TOTALS), _named(days))
    ]


def _named(days: int) -> dict[str, Any]:
    return {"workspace": current_workspace_id(), "since": clock.now() - timedelta(days=days)}


def _sources(domain: str, named: dict[str, Any], signs: OurSigns) -> list[Source]:
    rows = db.session.execute(text(_SOURCES), {**named, "domain": domain, "most": MOST_SOURCES})
    return [
        Source(row.source_ip, _counts(row), likely_of(row.details, signs), envelope_of(row.without_spf or ()))
        for row in rows
    ]


def _told(domain: str, named: dict[str, Any]) -> list[Told]:
    rows = db.session.execute(text(_REPORTS), {**named, "domain": domain, "most": MOST_REPORTS})
    return [
        Told(
            row.id,
            row.organisation,
            row.sender,
            row.ends_at,
            row.received_at,
            int(row.messages),
            int(row.failed),
        )
        for row in rows
    ]


def _counts(row: Any) -> Counts:
    return Counts(int(row.messages), int(row.dkim), int(row.spf), int(row.passed), int(row.stopped))
