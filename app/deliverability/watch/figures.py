"""The figures of the watch for one period and the one before it, by provider, sending domain, transport or campaign.

What servers do is counted in the hour it happened. What people do comes late, so it is counted for whole cells
(campaign, provider, transport), each in the period of its last sending: complaints about yesterday's mail are never
set against today's few messages. Clicks are counted only of mail that is a day old or older.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text

from app.core import clock
from app.core.database import current_workspace_id, db
from app.deliverability.watch.loops import SILENT

By = Literal["provider", "domain", "transport", "campaign"]
BUCKETS = {1: timedelta(hours=1), 7: timedelta(hours=6), 28: timedelta(days=1)}
"""Days of a period, and how it is cut for plots."""
RIPE = timedelta(days=1)
"""Most who click do so within a day of the sending."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one line in one period."""

    sent: int = 0
    deferred: int = 0
    address: int = 0
    sender: int = 0
    other: int = 0
    wait: float = 0.0
    """Seconds from first attempt to acceptance, summed over `sent`."""
    delivered: int = 0
    """Of whole cells: taken, and not sent back since."""
    unsubscribed: int = 0
    heard: int = 0
    """Delivered to providers that tell of complaints."""
    complained: int = 0
    ripe: int = 0
    """Delivered long enough ago to be clicked."""
    clicked: int = 0

    @property
    def tried(self) -> int:
        return self.sent + self.deferred + self.address + self.sender + self.other

    @property
    def mean_wait(self) -> float:
        return self.wait / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """One provider, domain, transport or campaign: this period, the one before, and the trouble in between."""

    key: str
    name: str
    now: Counts
    before: Counts
    trouble: tuple[tuple[int, int], ...] = field(default=())
    """By bucket: not taken at once for reasons other than the address, and tried."""


@dataclass(frozen=True, slots=True)
class Span:
    """A period of whole hours, the present one included."""

    days: int
    start: datetime
    stop: datetime

    @property
    def before(self) -> datetime:
        return self.start - (self.stop - self.start)

    @property
    def bucket(self) -> timedelta:
        return BUCKETS[self.days]

    @property
    def marks(self) -> list[datetime]:
        count = (self.stop - self.start) // self.bucket
        return [self.start + self.bucket * number for number in range(count)]


def span_of(days: int) -> Span:
    """The last so many days: 1, 7 or 28."""
    stop = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return Span(days, stop - timedelta(days=days), stop)


def lines_by(by: By, span: Span, where: Mapping[str, str] | None = None) -> list[Line]:
    """The lines of the workspace in scope, the largest first. `where` narrows: {"provider": "yahoo"}."""
    names, narrow = _binds(span, where)
    query = LINES.replace("KEY", _KEYS[by]).replace("NARROW", narrow)
    rows = db.session.execute(text(query), names).mappings().all()
    called = _names([row["key"] for row in rows]) if by == "campaign" else {}
    lines = [
        Line(
            row["key"],
            called.get(row["key"], row["key"]),
            _counts(row, ""),
            _counts(row, "_before"),
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: (-line.now.tried, -line.before.tried, line.name))


def with_trouble(lines: Iterable[Line], by: By, span: Span, where: Mapping[str, str] | None = None) -> list[Line]:
    """The same lines with their trouble bucket by bucket; for the few that are shown."""
    listed = list(lines)
    names, narrow = _binds(span, where)
    query = TROUBLE.replace("KEY", _KEYS[by]).replace("NARROW", narrow)
    rows = db.session.execute(text(query), {**names, "keys": [line.key for line in listed]})
    plots = {(row.key, row.bucket): (int(row.trouble), int(row.tried)) for row in rows}
    buckets = range(len(span.marks))
    return [
        replace(line, trouble=tuple(plots.get((line.key, bucket), (0, 0)) for bucket in buckets)) for line in listed
    ]


@dataclass(frozen=True, slots=True)
class Course:
    """How one bucket of time went."""

    at: datetime
    sent: int
    deferred: int
    sender: int
    complained: int


def course(span: Span, where: Mapping[str, str] | None = None) -> list[Course]:
    """The period bucket by bucket, empty ones included."""
    names, narrow = _binds(span, where)
    rows = {row.mark: row for row in db.session.execute(text(COURSE.replace("NARROW", narrow)), names)}
    return [Course(mark, *(rows[mark][1:] if mark in rows else (0, 0, 0, 0))) for mark in span.marks]


def total(lines: Iterable[Line]) -> tuple[Counts, Counts]:
    """All lines together: this period and the one before."""
    listed = list(lines)
    return _sum(line.now for line in listed), _sum(line.before for line in listed)


_KEYS = {"provider": "provider", "domain": "domain", "transport": "transport", "campaign": "campaign_id::text"}

# An hour's counts fit into 32 bits, whose sums PostgreSQL makes without its slow exact numbers.
LINES = """
WITH cell AS (
    SELECT campaign_id, provider, transport, domain,
           sum(sent::int) FILTER (WHERE hour >= :start) AS sent,
           sum(deferred::int) FILTER (WHERE hour >= :start) AS deferred,
           sum(bounced_address::int) FILTER (WHERE hour >= :start) AS address,
           sum(bounced_sender::int) FILTER (WHERE hour >= :start) AS sender,
           sum(bounced_other::int) FILTER (WHERE hour >= :start) AS other,
           sum(wait_seconds) FILTER (WHERE hour >= :start) AS wait,
           sum(sent::int) FILTER (WHERE hour >= :before AND hour < :start) AS sent_before,
           sum(deferred::int) FILTER (WHERE hour >= :before AND hour < :start) AS deferred_before,
           sum(bounced_address::int) FILTER (WHERE hour >= :before AND hour < :start) AS address_before,
           sum(bounced_sender::int) FILTER (WHERE hour >= :before AND hour < :start) AS sender_before,
           sum(bounced_other::int) FILTER (WHERE hour >= :before AND hour < :start) AS other_before,
           sum(wait_seconds) FILTER (WHERE hour >= :before AND hour < :start) AS wait_before,
           max(hour) FILTER (WHERE sent > 0) AS last,
           sum(sent::int) AS delivered, sum(complained::int) AS complained,
           sum(clicked::int) AS clicked, sum(unsubscribed::int) AS unsubscribed
    FROM watch_hours
    WHERE workspace_id = :workspace AND hour >= :earliest AND hour < :stop NARROW
    GROUP BY campaign_id, provider, transport, domain
), placed AS (
    SELECT *, KEY AS key, last >= :start AS is_now, last >= :before AND last < :start AS is_before,
           provider <> ALL(:silent) AS is_heard, last < :ripe AS is_ripe
    FROM cell
)
SELECT key, sum(sent) AS sent, sum(deferred) AS deferred, sum(address) AS address, sum(sender) AS sender,
       sum(other) AS other, sum(wait) AS wait,
       sum(sent_before) AS sent_before, sum(deferred_before) AS deferred_before, sum(address_before) AS address_before,
       sum(sender_before) AS sender_before, sum(other_before) AS other_before, sum(wait_before) AS wait_before,
       sum(delivered) FILTER (WHERE is_now) AS delivered,
       sum(unsubscribed) FILTER (WHERE is_now) AS unsubscribed,
       sum(delivered) FILTER (WHERE is_now AND is_heard) AS heard,
       sum(complained) FILTER (WHERE is_now AND is_heard) AS complained,
       sum(delivered) FILTER (WHERE is_now AND is_ripe) AS ripe,
       sum(clicked) FILTER (WHERE is_now AND is_ripe) AS clicked,
       sum(delivered) FILTER (WHERE is_before) AS delivered_before,
       sum(unsubscribed) FILTER (WHERE is_before) AS unsubscribed_before,
       sum(delivered) FILTER (WHERE is_before AND is_heard) AS heard_before,
       sum(complained) FILTER (WHERE is_before AND is_heard) AS complained_before,
       sum(delivered) FILTER (WHERE is_before AND is_ripe) AS ripe_before,
       sum(clicked) FILTER (WHERE is_before AND is_ripe) AS clicked_before
FROM placed GROUP BY key
"""

TROUBLE = """
SELECT KEY AS key, width_bucket(extract(epoch FROM hour), extract(epoch FROM CAST(:start AS timestamptz)),
                                extract(epoch FROM CAST(:stop AS timestamptz)), :buckets) - 1 AS bucket,
       sum((deferred + bounced_sender)::int) AS trouble,
       sum((sent + deferred + bounced_address + bounced_sender + bounced_other)::int) AS tried
FROM watch_hours
WHERE workspace_id = :workspace AND hour >= :start AND hour < :stop AND KEY = ANY(:keys) NARROW
GROUP BY 1, 2
"""

COURSE = """
SELECT date_bin(:bucket, hour, :start) AS mark, sum(sent::int), sum(deferred::int), sum(bounced_sender::int),
       sum(complained::int)
FROM watch_hours
WHERE workspace_id = :workspace AND hour >= :start AND hour < :stop NARROW
GROUP BY 1
"""


def _binds(span: Span, where: Mapping[str, str] | None) -> tuple[dict[str, Any], str]:
    asked = {name: value for name, value in (where or {}).items() if name in _KEYS}
    names = {
        "workspace": current_workspace_id(),
        "start": span.start,
        "stop": span.stop,
        "before": span.before,
        "earliest": span.before - timedelta(days=7),
        # A day's mail is never ripe within that day: it is shown as it stands, and not compared.
        "ripe": span.stop if span.days == 1 else span.stop - RIPE,
        "silent": sorted(SILENT),
        "bucket": span.bucket,
        "buckets": len(span.marks),
        **{f"where_{name}": value for name, value in asked.items()},
    }
    return names, "".join(f" AND {_KEYS[name]} = :where_{name}" for name in asked)


def _counts(row: Mapping[Any, Any], suffix: str) -> Counts:
    given = {one.name: row[one.name + suffix] or 0 for one in fields(Counts)}
    numbers: dict[str, Any] = {name: float(value) if name == "wait" else int(value) for name, value in given.items()}
    return Counts(**numbers)


def _names(keys: list[str]) -> dict[str, str]:
    rows = db.session.execute(
        text("SELECT id::text, name FROM campaigns WHERE id = ANY(:ids) AND workspace_id = :workspace"),
        {"ids": [int(key) for key in keys], "workspace": current_workspace_id()},
    )
    return {row[0]: row[1] for row in rows}


def _sum(counts: Iterable[Counts]) -> Counts:
    listed = list(counts)
    return Counts(**{one.name: sum(getattr(row, one.name) for row in listed) for one in fields(Counts)})
