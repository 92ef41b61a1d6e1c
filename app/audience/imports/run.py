"""An import from its cursor to its end. Each batch is one transaction that also moves the cursor.

A killed worker leaves a whole number of batches behind; the next one reads the file from the start, passes over what is
stored, and goes on with the very next row.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from app.audience.imports.batches import Batch, read_batches
from app.audience.imports.files import stored_pieces
from app.audience.imports.merge import Counts, Target, foresee, merge, prepare
from app.audience.imports.plan import Plan, plan_of
from app.core.errors import Invalid
from app.core.extensions import settings
from app.core.logging import log
from app.core.settings import libpq_url

ALIVE = 7_382_190
"""Class of the advisory lock a worker holds while it runs an import."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is."""

    rows_done: int
    bytes_done: int
    size_bytes: int
    counts: Counts


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class _Work:
    target: Target
    plan: Plan
    key: bytes
    size_bytes: int
    rows_done: int


def run_import(import_id: int, *, pieces: Iterable[bytes] | None = None, report: Report | None = None) -> bool:
    """Run an import to its end, from wherever it is. False when there was nothing to do, or another worker is at it.

    Without `pieces`, the file is the stored one. Works on connections of its own and commits batch by batch.
    """
    with own_connection() as connection, own_connection() as reading, _hold(connection, import_id) as is_ours:
        if not is_ours:
            return False
        work = _begin(connection, import_id)
        if work is None:
            return False
        try:
            _run(connection, work, pieces if pieces is not None else stored_pieces(reading, import_id), report)
        except Invalid as error:
            connection.rollback()
            _end(connection, import_id, "failed", str(error))
    return True


def try_import(
    pieces: Iterable[bytes], plan: Plan, target: Target, *, key: bytes, batches: int | None = None
) -> Counts:
    """What importing the file would do, without writing anything; with `batches`, for its beginning only."""
    counts = Counts()
    with own_connection() as connection:
        prepare(connection)
        for number, batch in enumerate(_ahead(read_batches(pieces, plan, key)), 1):
            counts += foresee(connection, batch, target)
            connection.rollback()
            if number == batches:
                break
    return counts


@contextmanager
def own_connection() -> Iterator[psycopg.Connection[Any]]:
    """A connection outside of the pool, closed at the end with all its locks and temporary tables."""
    with closing(psycopg.connect(libpq_url(settings().database_url))) as connection:
        yield connection


@contextmanager
def _hold(connection: psycopg.Connection[Any], import_id: int) -> Iterator[bool]:
    """Be the only worker on an import for the block; False when another one is. A dead worker holds nothing."""
    lock = [ALIVE, import_id % 2**31]
    held = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", lock).fetchone()
    connection.commit()
    try:
        yield bool(held and held[0])
    finally:
        if not connection.broken:
            connection.rollback()
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", lock)
            connection.commit()


def _begin(connection: psycopg.Connection[Any], import_id: int) -> _Work | None:
    row = connection.execute(
        """
        UPDATE imports SET state = 'running' FROM workspaces
        WHERE imports.id = %s AND imports.state IN ('queued', 'running') AND workspaces.id = imports.workspace_id
        RETURNING workspace_id, list_id, dialect, mapping, options, rows_done, size_bytes, address_key
        """,
        [import_id],
    ).fetchone()
    connection.commit()
    if row is None:
        return None
    workspace_id, list_id, dialect, mapping, options, rows_done, size_bytes, key = row
    plan = plan_of(dialect, mapping, options)
    target = Target(workspace_id, list_id, plan.state, plan.statement, import_id)
    return _Work(target, plan, bytes(key), size_bytes, rows_done)


def _run(connection: psycopg.Connection[Any], work: _Work, pieces: Iterable[bytes], report: Report | None) -> None:
    prepare(connection)
    for batch in _ahead(read_batches(pieces, work.plan, work.key)):
        if batch.rows_done <= work.rows_done and batch.rows_done > batch.rows_before:
            continue  # stored before an earlier worker ended
        with connection.transaction():
            if not _is_next(connection, work.target.import_id, batch):
                return
            counts = merge(connection, batch, work.target)
            progress = _advance(connection, work, batch, counts)
        if report is not None:
            report(progress)
    _end(connection, work.target.import_id, "finished")


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read in a thread while the database is busy with the one before."""
    with ThreadPoolExecutor(1, "import-reader") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _is_next(connection: psycopg.Connection[Any], import_id: int, batch: Batch) -> bool:
    """Whether the import still runs and this batch is its next; cancelling waits for the row this locks."""
    row = connection.execute("SELECT state, rows_done FROM imports WHERE id = %s FOR UPDATE", [import_id]).fetchone()
    if row is None or row[0] != "running":
        return False
    if row[1] != batch.rows_before:
        log("audience").warning("import is run elsewhere", import_id=import_id, at=row[1], here=batch.rows_before)
        return False
    return True


def _advance(connection: psycopg.Connection[Any], work: _Work, batch: Batch, counts: Counts) -> Progress:
    row = connection.execute(
        """
        UPDATE imports SET rows_done = %s, bytes_done = %s, added = added + %s, updated = updated + %s,
            invalid = invalid + %s, duplicates = duplicates + %s, suppressed = suppressed + %s,
            options = options || jsonb_build_object('warned', coalesce((options ->> 'warned')::int, 0) + %s)
        WHERE id = %s RETURNING added, updated, invalid, duplicates, suppressed, (options ->> 'warned')::int
        """,
        [
            batch.rows_done,
            batch.bytes_done,
            counts.added,
            counts.updated,
            counts.invalid,
            counts.duplicates,
            counts.suppressed,
            counts.warned,
            work.target.import_id,
        ],
    ).fetchone()
    assert row is not None
    return Progress(batch.rows_done, batch.bytes_done, work.size_bytes, Counts(*row))


def _end(connection: psycopg.Connection[Any], import_id: int, state: str, error: str = "") -> None:
    with connection.transaction():
        ended = connection.execute(
            """
            UPDATE imports SET state = %s, error = %s, finished_at = now(),
                rows_total = CASE WHEN %s = 'finished' THEN rows_done END
            WHERE id = %s AND state = 'running'
            """,
            [state, error, state, import_id],
        ).rowcount
        if ended and state == "finished":
            connection.execute("DELETE FROM import_chunks WHERE import_id = %s", [import_id])
    # Whoever counts the audience the next minute would do it by what the tables were before, and take minutes.
    connection.execute("ANALYZE (SKIP_LOCKED) subscribers, subscriptions")
    connection.commit()
