"""Monthly partitions of attempts and events, made ahead."""

from datetime import UTC, date, datetime

from sqlalchemy import text

from app.core import clock
from app.core.database import db

TABLES = ("attempts", "events")
MONTHS_AHEAD = 2


def ensure_partitions() -> list[str]:
    """Make the partitions of this month and the next two where they are missing; returns the new ones.

    A month whose rows already lie in the default partition stays there: moving them is not worth a lock on the table.
    """
    made = []
    first = clock.now().date().replace(day=1)
    for table in TABLES:
        for ahead in range(MONTHS_AHEAD + 1):
            start, end = _month(first, ahead), _month(first, ahead + 1)
            name = f"{table}_{start:%Y_%m}"
            if db.session.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
                continue
            if db.session.scalar(
                text(f"SELECT EXISTS (SELECT 1 FROM {table}_default WHERE at >= :start AND at < :end)"),  # noqa: S608
                {"start": _midnight(start), "end": _midnight(end)},
            ):
                continue
            db.session.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
                    f"FOR VALUES FROM ('{start:%Y-%m-%d}T00:00:00Z') TO ('{end:%Y-%m-%d}T00:00:00Z')"
                )
            )
            made.append(name)
    return made


def _month(first: date, ahead: int) -> date:
    years, month = divmod(first.month - 1 + ahead, 12)
    return first.replace(year=first.year + years, month=month + 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
