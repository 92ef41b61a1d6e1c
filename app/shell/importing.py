"""`merpati import`: a CSV file into a list, with a progress bar."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.audience.imports.run import Progress as Done
from app.audience.imports.start import FROM_SHELL, FileOptions, import_file, try_file
from app.audience.lists import find_list
from app.audience.queries import list_choices
from app.core.database import in_workspace
from app.core.errors import Invalid
from app.shell.context import prepared_app
from app.shell.people import find_workspace

COUNTS = ("added", "updated", "invalid", "duplicates", "suppressed")
WARNED = "warned"


def import_people(file: Path, list_name: str, workspace: str, *, as_json: bool, dry_run: bool, **options: Any) -> int:
    """Import, or only try; returns the exit code."""
    with prepared_app(), in_workspace(find_workspace(workspace).id):
        wanted = _options(**options)
        is_new = find_list(list_name) is None
        others = ", ".join(f"“{name}”" for _number, name in list_choices()) if is_new else ""
        if dry_run:
            counts = try_file(file, list_name, wanted)
            if is_new:
                click.echo(f"There is no list “{list_name}”: it would be made. {_others(others)}", err=True)
            _say({"dry_run": True, **{name: getattr(counts, name) for name in (*COUNTS, WARNED)}}, as_json)
            return 0
        with counted(Console(stderr=True, quiet=as_json), size=file.stat().st_size) as report:
            row = import_file(file, list_name, wanted, report=report)
        if is_new:
            click.echo(f"Made the list “{list_name}”. {_others(others)}", err=True)
        result = {"import": row.id, "list": row.list_id, "state": row.state, "rows": row.rows_done}
        counted_rows = {**{name: getattr(row, name) for name in COUNTS}, WARNED: row.options.get(WARNED, 0)}
        _say({**result, **counted_rows, "error": row.error}, as_json)
        return 0 if row.state == "finished" else 1


@contextmanager
def counted(console: Console, *, size: int) -> Iterator[Callable[[Done], None]]:
    """A bar as long as the file's `size` in bytes, that tells how many rows are done."""
    words = TextColumn("{task.fields[rows]:,} rows")
    with Progress(TextColumn("{task.description}"), BarColumn(), words, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("Import", total=size, rows=0)
        yield lambda done: bar.update(task, completed=done.bytes_done, rows=done.rows_done)


def _others(names: str) -> str:
    """So that a typo is seen before the next command."""
    return f"There were already: {names}." if names else "It is the first one."


def _options(*, make_addresses: str | None, mapping: tuple[str, ...], pending: bool, consent: str) -> FileOptions:
    wishes = {}
    for wish in mapping:
        column, equals, field = wish.partition("=")
        if not equals:
            raise Invalid(f"--map wants COLUMN=FIELD, not {wish!r}; for example --map Mail=email")
        wishes[column.strip()] = field.strip()
    return FileOptions(
        state="pending" if pending else "confirmed",
        mapping=wishes,
        make_addresses=make_addresses or "",
        statement=consent or FROM_SHELL,
    )


def _say(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        if value != "":
            click.echo(f"{name:>12}  {value:,}" if isinstance(value, int) else f"{name:>12}  {value}")
