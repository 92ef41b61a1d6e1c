"""Migrations: run twice, run by two at once, and told apart when missing."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, inspect

from app.core.migrations import migrate, missing_migrations
from app.core.settings import sqlalchemy_url


@pytest.fixture
def engines(servers: tuple[str, str]) -> Iterator[tuple[Engine, Engine]]:
    """Two machines and their fresh database."""
    server, name = servers[0], f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    url = sqlalchemy_url(server.replace("/merpati?", f"/{name}?"))
    engines = create_engine(url), create_engine(url)
    yield engines
    for engine in engines:
        engine.dispose()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


def test_what_is_missing_runs_once(engines: tuple[Engine, Engine]) -> None:
    here, _ = engines
    missing = missing_migrations(here)
    assert missing[0] == "0001"
    assert migrate(here) == missing
    assert missing_migrations(here) == []
    assert migrate(here) == []
    assert {"workspaces", "messages", "attempts_default"} <= set(inspect(here).get_table_names())


def test_of_two_at_once_one_migrates_and_the_other_waits(engines: tuple[Engine, Engine]) -> None:
    with ThreadPoolExecutor(2) as machines:
        done = list(machines.map(migrate, engines))
    assert sorted(done, key=len)[0] == []
    assert sorted(done, key=len)[1][0] == "0001"
    assert missing_migrations(engines[0]) == []


def test_the_lock_is_given_back(engines: tuple[Engine, Engine]) -> None:
    migrate(engines[0])
    with engines[1].connect() as connection:
        held = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).scalar()
    assert held == 0
