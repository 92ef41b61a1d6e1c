"""The migration of the hourly counts: former rows are known as such, and there is a way back."""

from alembic import command
from sqlalchemy import Engine, text

from app.core.migrations import _config
from tests.tracking.incidents.test_upgrade import engine

assert engine, "a database of its own, without migrations"

_HOUR = """
INSERT INTO watch_hours (workspace_id, hour, campaign_id, provider, transport, domain)
SELECT w.id, now(), c.id, 'yahoo', 'Relay', 'aviary.example.com' FROM workspaces w, campaigns c
"""


def test_there_and_back(engine: Engine) -> None:
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        connection.execute(
            text("INSERT INTO workspaces (name, slug, feedback_id, address_key) VALUES ('A', 'a', 'mabcdef', 'k')")
        )
        connection.execute(text("INSERT INTO campaigns (workspace_id, name, salt) SELECT id, 'L', 's' FROM workspaces"))
        connection.execute(text(_HOUR))
        command.upgrade(config, "0013")
        assert connection.execute(text("SELECT own, late FROM watch_hours")).all() == [(None, None)]
        command.downgrade(config, "0010")
        assert connection.execute(text("SELECT count(*) FROM watch_hours")).scalar() == 1
