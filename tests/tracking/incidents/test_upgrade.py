"""The migrations of incidents: what began before is no news, keeps its time, and there is a way back."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, inspect, text

from app.core.migrations import _config
from app.core.settings import sqlalchemy_url

_OPEN = "INSERT INTO incidents (workspace_id, kind, provider) SELECT id, 'burst', :provider FROM workspaces"


@pytest.fixture
def engine(servers: tuple[str, str]) -> Iterator[Engine]:
    server, name = servers[0], f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    engine = create_engine(sqlalchemy_url(server.replace("/merpati?", f"/{name}?")))
    yield engine
    engine.dispose()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_there_and_back(engine: Engine) -> None:
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(
            text("INSERT INTO workspaces (name, slug, feedback_id, address_key) VALUES ('A', 'a', 'mabcdef', 'k')")
        )
        connection.execute(text(_OPEN), {"provider": "before"})
        command.upgrade(config, "0005")
        connection.execute(text(_OPEN), {"provider": "after"})
        told = connection.execute(text("SELECT provider, told_at IS NOT NULL FROM incidents ORDER BY id")).all()
        assert told == [("before", True), ("after", False)]
        command.downgrade(config, "0004")
        assert "told_at" not in {column["name"] for column in inspect(connection).get_columns("incidents")}
        assert connection.scalar(text("SELECT count(*) FROM incidents")) == 2
        command.upgrade(config, "0005")
        connection.rollback()


def test_a_burst_of_before_was_noticed_when_it_began(engine: Engine) -> None:
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        connection.execute(
            text("INSERT INTO workspaces (name, slug, feedback_id, address_key) VALUES ('A', 'a', 'mabcdef', 'k')")
        )
        connection.execute(text(_OPEN), {"provider": "before"})
        connection.execute(text("UPDATE incidents SET began_at = now() - interval '20 hours'"))
        command.upgrade(config, "0009")
        assert connection.scalar(text("SELECT opened_at = began_at AND last_at IS NULL FROM incidents"))
        command.downgrade(config, "0008")
        assert "opened_at" not in {column["name"] for column in inspect(connection).get_columns("incidents")}
        connection.rollback()
