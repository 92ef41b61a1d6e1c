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
from app.deliverability.watch.names import called
from app.deliverability.watch.statements import COURSE, KEYS, LINES, TROUBLE, WAITS

By = Literal["provider", "domain", "transport", "campaign"]
BUCKETS = {1: timedelta(hours=1), 7: timedelta(hours=6), 28: timedelta(days=1)}
"""Days of a period, and how it is cut for plots."""
ENOUGH = 10
"""Messages taken in an hour whose mean time is reckoned with."""
RIPE = timedelta(days=1)
"""Most who click do so within a day of the sending."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of one line in one period."""

    sent: int = 0
    deferred: int = 0
    own: int = 0
    """Put off by the transport itself, for everybody; not among `deferred`."""
    address: int = 0
    sender: int = 0
    other: int = 0
    late: int = 0
    """Of the last three, mail that had been taken before: of no attempt."""
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
        """Attempts that a mailbox provider may have had a say in."""
        return self.sent + self.deferred + self.address + self.sender + self.other - self.late

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
    place: str = ""
    """Of a transport: its host and port."""
    trouble: tuple[tuple[int, int], ...] = field(default=())
    """By bucket: not taken at once for reasons other than the address, and tried."""
    trouble_before: tuple[tuple[int, int], ...] = field(default=())
    waits: tuple[float, ...] = field(default=())
    """Mean seconds until acceptance, of each hour with mail enough."""
    waits_before: tuple[float, ...] = field(default=())


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
    rows = db.session.execute(text(_asked(LINES, by, narrow)), names).mappings().all()
    names_of = called(by, [row["key"] for row in rows])
    lines = [
        Line(
            row["key"],
            names_of.get(row["key"]) or (row["place"] if by == "transport" else row["key"]),
            _counts(row, ""),
            _counts(row, "_before"),
            row["place"] if by == "transport" else "",
        )
        for row in rows
    ]
    return sorted(lines, key=lambda line: (-line.now.tried, -line.before.tried, line.name))


def with_course(lines: Iterable[Line], by: By, span: Span, where: Mapping[str, str] | None = None) -> list[Line]:
    """The same lines with their trouble bucket by bucket, and their waits hour by hour; for the few that are shown."""
    listed = list(lines)
    names, narrow = _binds(span, where)
    binds = {**names, "keys": [line.key for line in listed], "with_own": by == "transport", "enough": ENOUGH}
    rows = db.session.execute(text(_asked(TROUBLE, by, narrow)), binds)
    plots = {(row.key, row.bucket): (int(row.trouble), int(row.tried)) for row in rows}
    waits: dict[tuple[str, bool], list[float]] = {}
    for key, is_now, mean in db.session.execute(text(_asked(WAITS, by, narrow)), binds):
        waits.setdefault((key, is_now), []).append(float(mean))
    past = range(len(span.marks))
    present = range(len(past), 2 * len(past))
    return [
        replace(
            line,
            trouble=tuple(plots.get((line.key, bucket), (0, 0)) for bucket in present),
            trouble_before=tuple(plots.get((line.key, bucket), (0, 0)) for bucket in past),
            waits=tuple(waits.get((line.key, True), ())),
            waits_before=tuple(waits.get((line.key, False), ())),
        )
        for line in listed
    ]


@dataclass(frozen=True, slots=True)
class Course:
    """How one bucket of time went."""

    at: datetime
    sent: int
    deferred: int
    own: int
    sender: int
    complained: int


def course(span: Span, where: Mapping[str, str] | None = None) -> list[Course]:
    """The period bucket by bucket, empty ones included."""
    names, narrow = _binds(span, where)
    rows = {row.mark: row for row in db.session.execute(text(COURSE.replace("NARROW", narrow)), names)}
    return [Course(mark, *(rows[mark][1:] if mark in rows else (0,) * 5)) for mark in span.marks]


def total(lines: Iterable[Line]) -> tuple[Counts, Counts]:
    """All lines together: this period and the one before."""
    listed = list(lines)
    return _sum(line.now for line in listed), _sum(line.before for line in listed)


def _asked(query: str, by: By, narrow: str) -> str:
    return query.replace("KEY", KEYS[by]).replace("NARROW", narrow)


def _binds(span: Span, where: Mapping[str, str] | None) -> tuple[dict[str, Any], str]:
    asked = {name: value for name, value in (where or {}).items() if name in KEYS}
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
    return names, "".join(f" AND {KEYS[name]} = :where_{name}" for name in asked)


def _counts(row: Mapping[Any, Any], suffix: str) -> Counts:
    given = {one.name: row[one.name + suffix] or 0 for one in fields(Counts)}
    numbers: dict[str, Any] = {name: float(value) if name == "wait" else int(value) for name, value in given.items()}
    return Counts(**numbers)


def _sum(counts: Iterable[Counts]) -> Counts:
    listed = list(counts)
    return Counts(**{one.name: sum(getattr(row, one.name) for row in listed) for one in fields(Counts)})
