"""What people call the lines of the watch that are known by number: campaigns and transports."""

from collections.abc import Iterable

from sqlalchemy import text

from app.core.database import current_workspace_id, db

_TABLES = {"campaign": "campaigns", "transport": "transports"}


def called(by: str, keys: Iterable[str]) -> dict[str, str]:
    """Names of the workspace in scope by key; empty for other kinds of line. Who is gone has none."""
    table = _TABLES.get(by)
    numbers = [int(key) for key in keys if key.isdecimal() and len(key) < 19]
    if table is None or not numbers:
        return {}
    query = f"SELECT id::text AS key, name FROM {table} WHERE id = ANY(:ids) AND workspace_id = :workspace"  # noqa: S608
    rows = db.session.execute(text(query), {"ids": numbers, "workspace": current_workspace_id()})
    return {row.key: row.name for row in rows}
