"""Imports that begin at once, from a file of this machine; and those whose worker is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, text

from app.audience.attributes import attribute_types
from app.audience.imports.columns import attribute_columns, check_columns, mapped
from app.audience.imports.files import file_pieces
from app.audience.imports.merge import Counts, Target
from app.audience.imports.plan import Plan, check_pattern, with_attributes
from app.audience.imports.run import ALIVE, Report, run_import, try_import
from app.audience.imports.sniff import HEAD, sniff
from app.audience.lists import create_list, find_list
from app.audience.models import Import
from app.audience.suppressions import workspace_address_key
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import Invalid

FROM_SHELL = "The person who ran this command says that these people agreed to receive it."


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How to import a file from the shell."""

    state: str = "confirmed"
    mapping: Mapping[str, str] | None = None
    """Column's heading or number → field, attribute, or `-`; a type may follow a colon."""
    make_addresses: str = ""
    """For files without addresses: a pattern like `customer-{row}@example.com`; every column becomes an attribute."""
    statement: str = FROM_SHELL


def import_file(
    path: Path, list_name: str, options: FileOptions | None = None, *, report: Report | None = None
) -> Import:
    """Import a file of this machine, here and now; a list that is missing is made. Commits batch by batch.

    Run it again after a break: people are known by their address, so nobody comes twice. Raises Invalid.
    """
    plan, size = _plan(path, options or FileOptions())
    found = find_list(list_name) or create_list(list_name)
    row = Import(filename=path.name[-200:], size_bytes=size, state="queued", list_id=found.id, options={"local": True})
    with_attributes(plan).keep_in(row)
    db.session.add(row)
    db.session.commit()
    run_import(row.id, pieces=file_pieces(path), report=report)
    db.session.refresh(row)
    return row


def try_file(path: Path, list_name: str, options: FileOptions | None = None) -> Counts:
    """What `import_file` would do; writes nothing. Raises Invalid."""
    plan, _ = _plan(path, options or FileOptions())
    found = find_list(list_name)
    target = Target(current_workspace_id(), found.id if found else None, plan.state, "", 0)
    return try_import(file_pieces(path), plan, target, key=workspace_address_key())


def unfinished_imports() -> list[int]:
    """Imports of all workspaces whose worker is gone or never came, to be enqueued again.

    Those that ran in a shell cannot be taken up elsewhere: they end here and say so. The caller commits.
    """
    alive = text(
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = :alive AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    held = set(db.session.scalars(alive, {"alive": ALIVE}))
    waiting = db.session.scalars(select(Import).where(Import.state.in_(("queued", "running"))).order_by(Import.id))
    dead = [row for row in waiting if row.id % 2**31 not in held]
    for row in dead:
        if row.options.get("local"):
            row.state, row.finished_at = "failed", clock.now()
            row.error = f"The command was stopped. {row.rows_done:,} rows are imported; run it again for the rest."
    db.session.flush()
    return [row.id for row in dead if row.state != "failed"]


def _plan(path: Path, options: FileOptions) -> tuple[Plan, int]:
    try:
        with path.open("rb") as stream:
            head, size = stream.read(HEAD), path.stat().st_size
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", field="file") from error
    types = attribute_types()
    sniffed = sniff(head, whole=len(head) == size, types=types)
    columns = list(sniffed.columns)
    if options.make_addresses:
        check_pattern(options.make_addresses)
        columns = attribute_columns(sniffed.headers, sniffed.rows, types)
    columns = mapped(columns, options.mapping or {})
    check_columns(columns, needs_email=not options.make_addresses)
    if options.state not in ("confirmed", "pending"):
        raise Invalid(f"{options.state!r} is not a state to import in. Choose confirmed or pending.", field="state")
    return Plan(sniffed.dialect, tuple(columns), options.state, options.statement, options.make_addresses), size
