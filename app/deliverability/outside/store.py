"""Figures of others, kept by day; a day brought again replaces what was known of it."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.core.database import current_workspace_id, db
from app.deliverability.models import OutsideFigure
from app.deliverability.outside.reading import Figure, Source


def keep(source: Source, figures: Iterable[Figure]) -> int:
    """Keep figures; flushes. Of two rows for one day the later in the file holds, with what only the earlier told."""
    days: dict[tuple[str, date], dict[str, object]] = {}
    for one in figures:
        days.setdefault((one.subject, one.day), {}).update(one.figures)
    rows = [
        {"workspace_id": current_workspace_id(), "source": source, "subject": subject, "day": day, "figures": told}
        for (subject, day), told in days.items()
    ]
    if rows:
        statement = insert(OutsideFigure)
        # A file may hold one of the provider's pages only: what another one told of the day stays.
        together = OutsideFigure.figures.op("||")(statement.excluded.figures)
        statement = statement.on_conflict_do_update(
            index_elements=["workspace_id", "source", "subject", "day"], set_={"figures": together}
        )
        # A statement for each: one for all would have more than the 65,535 values that PostgreSQL takes.
        db.session.execute(statement, rows)
    return len(rows)


def latest_figures(since: date, *, limit: int = 400) -> list[OutsideFigure]:
    """What is known since a day, the latest first."""
    query = select(OutsideFigure).where(OutsideFigure.day >= since)
    return list(db.session.scalars(query.order_by(OutsideFigure.day.desc(), OutsideFigure.subject).limit(limit)))


def forget(source: str, subject: str) -> int:
    """Drop everything of one subject; returns the days."""
    done = db.session.execute(
        delete(OutsideFigure).where(OutsideFigure.source == source, OutsideFigure.subject == subject)
    )
    return done.rowcount  # type: ignore[attr-defined, no-any-return]
