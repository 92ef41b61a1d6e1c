"""The rows of an import that were not taken, or not wholly, as a file like the one they came in: mend it, import it."""

import csv
import io
from collections.abc import Iterator, Sequence

from sqlalchemy import select

from app.audience.exports import SLICE, safe_cell
from app.audience.imports.columns import REMARK, is_remark
from app.audience.imports.plan import Plan, plan_of
from app.audience.models import Import, ImportFault
from app.core.database import db


def not_taken_csv(row: Import) -> Iterator[bytes]:
    """The file, in a stream: UTF-8, the import's separator and heading; last in each row stands the reason."""
    return _pieces(row.id, plan_of(row.dialect, row.mapping, row.options))


def _pieces(import_id: int, plan: Plan) -> Iterator[bytes]:
    headings = [column.header for column in plan.columns if not is_remark(column.header)]
    had_remarks = len(headings) < plan.width
    yield _lines([[*headings, REMARK]], plan).encode("utf-8-sig")
    last = 0
    while True:
        query = select(ImportFault.id, ImportFault.row_number, ImportFault.reason, ImportFault.row)
        rows = db.session.execute(
            query.where(ImportFault.import_id == import_id, ImportFault.id > last).order_by(ImportFault.id).limit(SLICE)
        ).all()
        if not rows:
            return
        yield _lines(
            [
                [*_cells(raw, plan, had_remarks=had_remarks), f"Row {number}: {reason}"]
                for _, number, reason, raw in rows
            ],
            plan,
        ).encode()
        last = rows[-1][0]


def _cells(raw: str, plan: Plan, *, had_remarks: bool) -> list[str]:
    """The row's cells; one whose quotation marks are wrong is a single cell, which no import takes for a person."""
    try:
        rows = list(csv.reader(io.StringIO(raw, newline=""), **plan.dialect.reader_options()))
    except csv.Error:
        return [raw]
    if len(rows) != 1:
        return [raw] if raw else []
    return rows[0][:-1] if had_remarks and len(rows[0]) > 1 else rows[0]


def _lines(rows: Sequence[Sequence[str]], plan: Plan) -> str:
    """All in quotation marks, so that signs within a reason are never taken for separators."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=plan.dialect.separator, quoting=csv.QUOTE_ALL)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue()
