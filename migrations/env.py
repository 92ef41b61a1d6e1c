"""How Alembic meets the house: on the connection it is handed, with a lock timeout, partitions left alone."""

from alembic import context
from sqlalchemy import text

from app import models  # noqa: F401 - fills the metadata
from app.core.database import db

PARTITIONS = ("attempts_", "events_")


def is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Monthly partitions are made by housekeeping, not by migrations."""
    return not (kind == "table" and name is not None and name.startswith(PARTITIONS))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=db.metadata,
    include_object=is_ours,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    context.run_migrations()
