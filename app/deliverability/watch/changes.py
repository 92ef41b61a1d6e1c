"""Hourly: a provider that defers or refuses far more than in its last four weeks is an incident, until that ends.

Judged over the last six hours of each workspace's mail to a provider against the 28 days before them, by the rule of
`statistics/change.py`, and only when the rate is at least twice its past.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from app.core import clock
from app.core.database import db, in_workspace
from app.core.logging import log
from app.statistics.change import compare_rates
from app.tracking.models import Incident

KIND = "change"
RECENT = timedelta(hours=6)
PAST = timedelta(days=28)
FAR = 2.0
LEAST_COUNT = 20
"""Deferrals or refusals in the recent hours, below which nobody is called."""


@dataclass(frozen=True, slots=True)
class Course:
    """One kind of trouble at one provider, lately and before."""

    workspace_id: int
    provider: str
    reason: str
    """deferrals or refusals"""
    count: int
    of: int
    count_before: int
    of_before: int

    @property
    def is_far_above(self) -> bool:
        change = compare_rates(self.count, self.of, self.count_before, self.of_before, factor=FAR)
        return change.direction == "up" and self.count >= LEAST_COUNT


RATES = """
SELECT workspace_id, provider,
       sum(deferred) FILTER (WHERE hour >= :recent) AS deferred,
       sum(bounced_sender) FILTER (WHERE hour >= :recent) AS refused,
       sum(tried) FILTER (WHERE hour >= :recent) AS tried,
       sum(deferred) FILTER (WHERE hour < :recent) AS deferred_before,
       sum(bounced_sender) FILTER (WHERE hour < :recent) AS refused_before,
       sum(tried) FILTER (WHERE hour < :recent) AS tried_before
FROM (SELECT *, sent + deferred + bounced_address + bounced_sender + bounced_other AS tried
      FROM watch_hours WHERE hour >= :past) w
GROUP BY workspace_id, provider
"""


def watch_changes() -> int:
    """Open and end incidents in every workspace; flushes. Returns how many began."""
    now = clock.now()
    known = {(one.workspace_id, one.provider, one.reason): one for one in _open()}
    begun = 0
    seen = set()
    for course in _courses(now):
        key = (course.workspace_id, course.provider, course.reason)
        seen.add(key)
        incident = known.get(key)
        if course.is_far_above:
            begun += incident is None
            _keep(course, incident, now)
        elif incident is not None:
            incident.ended_at = now
    for key in known.keys() - seen:
        known[key].ended_at = now
    db.session.flush()
    return begun


def _open() -> Iterable[Incident]:
    return db.session.scalars(select(Incident).where(Incident.kind == KIND, Incident.ended_at.is_(None)))


def _courses(now: datetime) -> list[Course]:
    recent = now.replace(minute=0, second=0, microsecond=0) - RECENT
    rows = db.session.execute(text(RATES), {"recent": recent, "past": recent - PAST}).mappings()
    return [course for row in rows for course in (_course(row, "deferred"), _course(row, "refused"))]


def _course(row: Any, kind: str) -> Course:
    return Course(
        row["workspace_id"],
        row["provider"],
        {"deferred": "deferrals", "refused": "refusals"}[kind],
        int(row[kind] or 0),
        int(row["tried"] or 0),
        int(row[f"{kind}_before"] or 0),
        int(row["tried_before"] or 0),
    )


def _keep(course: Course, incident: Incident | None, now: datetime) -> None:
    if incident is None:
        incident = Incident(
            workspace_id=course.workspace_id, kind=KIND, provider=course.provider, reason=course.reason, began_at=now
        )
        with in_workspace(course.workspace_id):
            db.session.add(incident)
        log("watch").warning("a rate is far above its past", provider=course.provider, what=course.reason)
    incident.count, incident.of, incident.seen_at = course.count, course.of, now
    what = "deferred" if course.reason == "deferrals" else "refused because of the sender or the content"
    incident.words = (
        f"{course.count:,} of {course.of:,} attempts {what} in six hours ({course.count / course.of:.1%}); "
        f"in the four weeks before, {course.count_before:,} of {course.of_before:,} "
        f"({course.count_before / course.of_before:.1%})."
    )
