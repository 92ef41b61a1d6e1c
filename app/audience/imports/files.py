"""Where the bytes of an import lie: in `import_chunks`, where every worker reaches them, or in a file here."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psycopg
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.audience.models import Import, ImportChunk
from app.core.database import db

PIECE = 1024 * 1024


def store_file(import_id: int, stream: IO[bytes]) -> int:
    """Keep an upload, piece by piece; its size in bytes."""
    size = number = 0
    while piece := stream.read(PIECE):
        db.session.execute(insert(ImportChunk).values(import_id=import_id, number=number, data=piece))
        size += len(piece)
        number += 1
    return size


def stored_head(import_id: int) -> bytes:
    """The first piece of a stored file."""
    found = select(ImportChunk.data).where(ImportChunk.import_id == import_id, ImportChunk.number == 0)
    return db.session.scalar(found) or b""


def drop_file(row: Import) -> None:
    """Forget a file that is not needed any more; the rows that were not taken stay as faults."""
    db.session.execute(delete(ImportChunk).where(ImportChunk.import_id == row.id))


def stored_pieces(connection: psycopg.Connection[Any], import_id: int) -> Iterator[bytes]:
    """The pieces of a stored file, one in memory at a time. The connection is this reader's alone."""
    number = 0
    while piece := connection.execute(
        "SELECT data FROM import_chunks WHERE import_id = %s AND number = %s", [import_id, number], binary=True
    ).fetchone():
        yield piece[0]
        number += 1


def file_pieces(path: Path) -> Iterator[bytes]:
    """The pieces of a file of this machine."""
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
