"""A campaign's report: rates with counts and intervals, human and machine apart."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.core.database import current_workspace_id, db
from app.messages.queries import Ledger, ledger
from app.statistics.intervals import Interval, always_valid_difference, wilson


@dataclass(frozen=True)
class Rate:
    """How many of how many messages; an interval beside it, because a rate alone says too much."""

    count: int
    of: int

    @property
    def interval(self) -> Interval:
        return wilson(self.count, self.of)


@dataclass(frozen=True)
class CellReport:
    """One cell: what went out to it and what came back. Unique messages, each counted once."""

    variant_id: int | None
    name: str
    subject: str
    considered: int
    mailed: int
    bounced: int
    opened_human: int
    opened_any: int
    clicked_human: int
    clicked_any: int
    unsubscribed: int
    complained: int

    @property
    def delivered(self) -> int:
        """Taken by a server and not sent back since."""
        return self.mailed - self.bounced

    def rate(self, count: int) -> Rate:
        return Rate(count, self.delivered)

    @property
    def human_clicks(self) -> Rate:
        return self.rate(self.clicked_human)

    @property
    def human_opens(self) -> Rate:
        return self.rate(self.opened_human)


@dataclass(frozen=True)
class LinkReport:
    """Who followed one link."""

    position: int
    url: str
    label: str
    variant: str
    human: int
    everyone: int
    hits: int


@dataclass(frozen=True)
class Comparison:
    """Human clicks of two cells, by an interval that stays valid however often it is looked at."""

    first: CellReport
    second: CellReport
    difference: Interval

    @property
    def verdict(self) -> str:
        """`first`, `second` or `open`."""
        if not self.difference.excludes_zero:
            return "open"
        return "first" if self.difference.low > 0 else "second"


@dataclass(frozen=True)
class Report:
    """All that a campaign's report shows."""

    ledger: Ledger
    total: CellReport
    cells: tuple[CellReport, ...]
    held_out: int
    links: tuple[LinkReport, ...]
    comparisons: tuple[Comparison, ...]
    bounces: tuple[tuple[str, int], ...]
    timeline: tuple[tuple[datetime, int, int], ...]
    """Start of the bucket, people who opened for the first time in it, people who clicked for the first time."""
    machine_opens: int
    machine_clicks: int


def report(campaign_id: int) -> Report:
    """The report of a campaign in the workspace in scope."""
    names = {"campaign": campaign_id, "workspace": current_workspace_id()}
    cells = [_cell(row) for row in _rows(CELLS, names)]
    mailed = [cell for cell in cells if cell.variant_id is not None]
    total = _sum(mailed)
    return Report(
        ledger=ledger(campaign_id),
        total=total,
        cells=tuple(mailed),
        held_out=sum(cell.considered for cell in cells if cell.variant_id is None),
        links=tuple(LinkReport(**row) for row in _rows(LINKS, names)),
        comparisons=tuple(_compare(a, b) for i, a in enumerate(mailed) for b in mailed[i + 1 :]),
        bounces=tuple((row["reason"], row["count"]) for row in _rows(BOUNCES, names)),
        timeline=tuple((row["bucket"], row["opened"], row["clicked"]) for row in _rows(TIMELINE, names)),
        machine_opens=total.opened_any - total.opened_human,
        machine_clicks=total.clicked_any - total.clicked_human,
    )


# A human click implies an open: images may have been off.
CELLS = """
WITH facts AS (
    SELECT message_id,
           bool_or((kind = 'opened' OR kind = 'clicked') AND label = 'human') AS opened_human,
           bool_or(kind = 'opened' OR (kind = 'clicked' AND label = 'human')) AS opened_any,
           bool_or(kind = 'clicked' AND label = 'human') AS clicked_human,
           bool_or(kind = 'clicked') AS clicked_any,
           bool_or(kind = 'unsubscribed') AS unsubscribed,
           bool_or(kind = 'complained') AS complained
    FROM events WHERE campaign_id = :campaign AND workspace_id = :workspace GROUP BY message_id
)
SELECT c.variant_id, coalesce(v.name, '') AS name, coalesce(v.subject, '') AS subject,
       count(m.id) AS considered,
       count(*) FILTER (WHERE m.state IN ('sent', 'bounced') AND m.sent_at IS NOT NULL) AS mailed,
       count(*) FILTER (WHERE m.state = 'bounced' AND m.sent_at IS NOT NULL) AS bounced,
       count(*) FILTER (WHERE f.opened_human) AS opened_human,
       count(*) FILTER (WHERE f.opened_any) AS opened_any,
       count(*) FILTER (WHERE f.clicked_human) AS clicked_human,
       count(*) FILTER (WHERE f.clicked_any) AS clicked_any,
       count(*) FILTER (WHERE f.unsubscribed) AS unsubscribed,
       count(*) FILTER (WHERE f.complained) AS complained
FROM cells c
LEFT JOIN variants v ON v.id = c.variant_id
LEFT JOIN messages m ON m.cell_id = c.id AND m.campaign_id = :campaign
LEFT JOIN facts f ON f.message_id = m.id
WHERE c.campaign_id = :campaign AND c.workspace_id = :workspace
GROUP BY c.id, c.variant_id, c.position, v.name, v.subject ORDER BY c.position
"""

LINKS = """
SELECT l.position, l.url, l.label, v.name AS variant,
       count(DISTINCT e.message_id) FILTER (WHERE e.label = 'human') AS human,
       count(DISTINCT e.message_id) AS everyone, count(e.id) AS hits
FROM links l JOIN variants v ON v.id = l.variant_id
LEFT JOIN events e ON e.campaign_id = :campaign AND e.kind = 'clicked' AND e.link_id = l.id
WHERE l.campaign_id = :campaign AND l.workspace_id = :workspace
GROUP BY l.id, l.position, l.url, l.label, v.name, v.position ORDER BY human DESC, v.position, l.position
"""

BOUNCES = """
SELECT reason, count(*) AS count FROM messages
WHERE campaign_id = :campaign AND workspace_id = :workspace AND state = 'bounced'
GROUP BY reason ORDER BY count DESC, reason
"""

# Buckets of five seconds, a minute or an hour, as long as what is shown: at most the first 48 hours.
TIMELINE = """
WITH firsts AS (
    SELECT message_id, min(at) FILTER (WHERE kind = 'opened') AS opened,
           min(at) FILTER (WHERE kind = 'clicked') AS clicked
    FROM events WHERE campaign_id = :campaign AND workspace_id = :workspace
      AND kind IN ('opened', 'clicked') AND label = 'human' GROUP BY message_id
), span AS (
    SELECT min(least(opened, clicked)) AS start,
           least(max(greatest(opened, clicked)), min(least(opened, clicked)) + interval '48 hours') AS stop FROM firsts
), step AS (
    SELECT CASE WHEN stop - start < interval '10 minutes' THEN interval '5 seconds'
                WHEN stop - start < interval '3 hours' THEN interval '1 minute'
                ELSE interval '1 hour' END AS width, start, stop FROM span WHERE start IS NOT NULL
), marks AS (
    SELECT generate_series(date_bin(width, start, 'epoch'), stop, width) AS bucket, 0 AS o, 0 AS c FROM step
    UNION ALL SELECT date_bin(width, opened, 'epoch'), 1, 0 FROM firsts, step WHERE opened <= stop
    UNION ALL SELECT date_bin(width, clicked, 'epoch'), 0, 1 FROM firsts, step WHERE clicked <= stop
)
SELECT bucket, sum(o)::bigint AS opened, sum(c)::bigint AS clicked FROM marks GROUP BY bucket ORDER BY bucket
"""


def _rows(query: str, names: dict[str, int]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(text(query), names).mappings()]


def _cell(row: dict[str, Any]) -> CellReport:
    return CellReport(**row)


def _sum(cells: list[CellReport]) -> CellReport:
    def add(name: str) -> int:
        return sum(getattr(cell, name) for cell in cells)

    counted = ("considered", "mailed", "bounced", "opened_human", "opened_any", "clicked_human", "clicked_any")
    return CellReport(
        variant_id=None,
        name="",
        subject="",
        **{name: add(name) for name in (*counted, "unsubscribed", "complained")},
    )


def _compare(first: CellReport, second: CellReport) -> Comparison:
    return Comparison(
        first,
        second,
        always_valid_difference(first.clicked_human, first.delivered, second.clicked_human, second.delivered),
    )
