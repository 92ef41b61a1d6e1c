"""Commands that cannot work say why in a line, with what to do, and end with 1."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from app.core.settings import Settings
from tests.conftest import SECRET


@pytest.fixture
def fresh(settings: Settings) -> Iterator[dict[str, str]]:
    """The environment of a house that nothing has ever been started in."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    place, _, query = settings.database_url.partition("?")
    yield {
        **os.environ,
        "DATABASE_URL": f"{place.rpartition('/')[0]}/{name}?{query}",
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_HOME": str(settings.home),
    }
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


def refused(environment: dict[str, str], *words: str) -> str:
    """What a command complains of, in one line."""
    command = [sys.executable, "-m", "app.cli", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


def test_a_house_that_was_never_started_is_not_called_old(fresh: dict[str, str]) -> None:
    said = refused(fresh, "campaign", "list")
    assert said.startswith("This installation has not been started yet: its database is empty. Start it with `bin/up`")
    assert "`merpati migrate`" in said
    with psycopg.connect(fresh["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    assert refused(fresh, "campaign", "list").startswith("The database is older than this version of Merpati.")


def test_listening_where_another_program_does(fresh: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        place = f"127.0.0.1:{other.getsockname()[1]}"
        said = refused({**fresh, "MERPATI_BOUNCE_LISTEN": place}, "bounces", "listen")
    assert said == (
        f"The mailbox for bounces cannot listen on {place}: another program uses this port. Stop that program, or set "
        "MERPATI_BOUNCE_LISTEN."
    )


@pytest.mark.parametrize("place", ["192.0.2.7:8026", "nowhere.invalid:8026"])
def test_listening_at_an_address_of_another_machine(fresh: dict[str, str], place: str) -> None:
    said = refused({**fresh, "MERPATI_BOUNCE_LISTEN": place}, "bounces", "listen")
    assert said.startswith(
        f"The mailbox for bounces cannot listen on {place}: this machine does not have that address."
    )
