"""Bringing the database up to the version of the code, and telling where it stands."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

LOCK = 7_382_190_442
"""Advisory lock: of several machines that start at once, one migrates and the others wait."""


def migrate(engine: Engine) -> list[str]:
    """Run what is missing and return the revisions that were run. Safe to call from several processes at once."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        try:
            before = set(_applied(connection))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            return [revision for revision in _revisions() if revision not in before]
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()


def missing_migrations(engine: Engine) -> list[str]:
    """Revisions the code knows and the database does not have yet."""
    with engine.connect() as connection:
        applied = set(_applied(connection))
    return [revision for revision in _revisions() if revision not in applied]


def was_migrated(engine: Engine) -> bool:
    """Whether any version of Merpati has made its tables there."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() is not None


def _applied(connection: object) -> list[str]:
    head = MigrationContext.configure(connection).get_current_revision()  # type: ignore[arg-type]
    if head is None:
        return []
    script = ScriptDirectory.from_config(_config())
    return [step.revision for step in script.iterate_revisions(head, "base")]


def _revisions() -> list[str]:
    return [step.revision for step in reversed(list(ScriptDirectory.from_config(_config()).walk_revisions()))]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parents[2] / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
