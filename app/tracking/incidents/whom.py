"""Whom a burst concerns, as a file: everybody, however many they are. For whoever decides about them."""

import csv
import io
from collections.abc import Iterable, Iterator

from app.audience.exports import safe_cell
from app.audience.masking import masked_evidence
from app.audience.suppressions import workspace_address_key
from app.core.database import db, in_workspace
from app.tracking.incidents.queries import Held, held_of

SLICE = 2_000
COLUMNS = ("address", "their_words", "since", "suppressed")


def whom_csv(incident_id: int, workspace_id: int) -> Iterator[bytes]:
    """A line for each of them, piece by piece; of who was erased, the address is masked, in the words too."""
    with in_workspace(workspace_id):
        key = workspace_address_key()
    yield _lines([COLUMNS], mark=True)
    after = 0
    while True:
        # Named anew for each piece: a stream is read after the request that began it.
        with in_workspace(workspace_id):
            page = held_of(incident_id, after=after, limit=SLICE)
        if not page:
            return
        yield _lines(_row(one, key) for one in page)
        after = page[-1].suppression.id
        db.session.expunge_all()


def _row(one: Held, key: bytes) -> list[str]:
    row = one.suppression
    known = one.person is not None
    words = row.evidence if known else masked_evidence(row.evidence, row.hint, row.address_hash, key)
    return [
        one.address or row.hint if known else row.hint,
        words,
        row.held_at.isoformat(),
        "yes" if row.suppression_id else "no",
    ]


def _lines(rows: Iterable[Iterable[str]], *, mark: bool = False) -> bytes:
    """CSV of RFC 4180; with the byte-order mark by which spreadsheets know UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig" if mark else "utf-8")
