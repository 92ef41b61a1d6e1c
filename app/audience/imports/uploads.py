"""An upload on its way to a worker: stored, looked at, planned, queued, cancelled."""

from collections.abc import Mapping, Sequence
from typing import IO

from sqlalchemy import select, update

from app.audience.attributes import attribute_types
from app.audience.imports.columns import Column, check_columns, mapped
from app.audience.imports.files import drop_file, store_file, stored_head
from app.audience.imports.merge import Counts, Target
from app.audience.imports.plan import Plan, with_attributes
from app.audience.imports.run import try_import
from app.audience.imports.sniff import Sniffed, sniff
from app.audience.lists import usable_list
from app.audience.models import Import
from app.audience.suppressions import workspace_address_key
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.extensions import enqueue_job
from app.core.jobs import Job

OPEN = ("uploaded", "queued", "running")
MAX_STATEMENT = 1000


def store_upload(stream: IO[bytes], filename: str, *, list_id: int | None = None, user_id: int | None = None) -> Import:
    """Store a file and look at it. Raises Invalid when it cannot be imported; roll back then, and nothing is kept."""
    row = Import(filename=filename.strip()[-200:] or "upload.csv", size_bytes=0, state="uploaded", created_by=user_id)
    row.list_id = usable_list(list_id).id if list_id is not None else None
    db.session.add(row)
    db.session.flush()
    row.size_bytes = store_file(row.id, stream)
    look_at(row)
    db.session.flush()
    return row


def look_at(row: Import) -> Sniffed:
    """What an uploaded file is."""
    head = stored_head(row.id)
    return sniff(head, whole=len(head) >= row.size_bytes, types=attribute_types())


def queue_import(
    row: Import,
    *,
    consent: str,
    columns: Sequence[Column] | None = None,
    mapping: Mapping[str, str] | None = None,
    list_id: int | None = None,
    state: str = "confirmed",
) -> None:
    """Fix what is to happen with an upload, commit, and hand it to a worker.

    `columns`, or else what is proposed with the wishes in `mapping` (heading → field). Raises Invalid and Conflict.
    """
    if row.state != "uploaded":
        raise Conflict("This import was started already.")
    if state not in ("confirmed", "pending"):
        raise Invalid("Choose whether these people are confirmed or pending.", field="state")
    if not consent.strip():
        raise Invalid("Say how these people agreed to receive mail. Nothing is imported without it.", field="consent")
    list_id = list_id if list_id is not None else row.list_id
    row.list_id = usable_list(list_id).id if list_id is not None else None
    sniffed = look_at(row)
    columns = list(columns) if columns is not None else mapped(sniffed.columns, mapping or {})
    check_columns(columns)
    plan = Plan(sniffed.dialect, tuple(columns), state, consent.strip()[:MAX_STATEMENT])
    with_attributes(plan).keep_in(row)
    row.state = "queued"
    db.session.commit()
    hand_over(row.id)


def hand_over(import_id: int) -> None:
    """Ask a worker to run an import. Call it after the commit."""
    enqueue_job(Job.RUN_IMPORT, import_id, once_as=f"import-{import_id}")


def preview_import(row: Import, columns: Sequence[Column], *, list_id: int | None) -> Counts:
    """What the first rows of an upload would do; writes nothing."""
    check_columns(columns)
    sniffed = look_at(row)
    plan = Plan(sniffed.dialect, tuple(columns))
    target = Target(row.workspace_id, list_id, plan.state, "", row.id)
    head = stored_head(row.id)
    end = head.rfind(b"\n") + 1 if len(head) < row.size_bytes else len(head)
    return try_import([head[:end]], plan, target, key=workspace_address_key(), batches=1)


def cancel(import_id: int) -> Import:
    """Stop an import after the batch under way. People who came in stay; the rest of the file is forgotten."""
    row = find_import(import_id)
    stopped = db.session.scalar(
        update(Import)
        .where(Import.id == row.id, Import.state.in_(OPEN))
        .values(state="cancelled", finished_at=clock.now())
        .returning(Import.id)
    )
    if stopped is None:
        raise Conflict("This import has ended already, so there is nothing to cancel.")
    drop_file(row)
    db.session.refresh(row)
    return row


def find_import(import_id: int) -> Import:
    """The import of this workspace with that number. Raises NotFound."""
    found = db.session.scalar(select(Import).where(Import.id == import_id))
    if found is None:
        raise NotFound("There is no such import in this workspace.")
    return found
