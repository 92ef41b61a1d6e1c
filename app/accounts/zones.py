"""Time zones that a workspace may have: Python and PostgreSQL both reckon with them, from tables of their own."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.database import db
from app.core.wallclock import zone_names


def is_zone(name: str) -> bool:
    """Whether both know it. One that only one of them knew would fail in statements about all workspaces."""
    if name not in zone_names():
        return False
    try:
        with db.session.begin_nested():
            db.session.execute(text("SELECT now() AT TIME ZONE :name"), {"name": name})
    except DBAPIError:
        return False
    return True
