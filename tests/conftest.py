"""Real PostgreSQL and Valkey for every test; each test has a workspace of its own, so none sees another's rows."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.models import Role, User, Workspace
from app.accounts.setup import add_member, create_user, create_workspace
from app.core.database import db, in_workspace
from app.core.migrations import migrate
from app.core.settings import Settings
from app.factory import create_app

# For the checks after each change: the properties still hold for some, and are not gone through at length.
hypothesis.settings.register_profile("quick", max_examples=20)

SECRET = "a secret for tests only, long enough to be taken"


class Browser(FlaskClient):
    """A client whose requests have contexts of their own, as they have on a server.

    Within a test's application context they would share `g` and so the person signed in, the database session, and
    the workspace in scope. What a request committed is there when the test looks again.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = copy_context().run(self._open_apart, *args, **{**kwargs, "buffered": True})
        if has_app_context():
            db.session.expire_all()
        return response

    def _open_apart(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **kwargs)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A home for this run that every user can walk to; pytest's own directories are closed to all but one."""
    directory = Path(tempfile.mkdtemp(prefix="merpati-test-"))
    directory.chmod(0o755)
    yield directory / "var"
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def servers(home: Path) -> Iterator[tuple[str, str]]:
    """URLs of a running PostgreSQL and Valkey. A developer may name running ones to save the start."""
    database, queue = os.environ.get("MERPATI_TEST_DATABASE_URL"), os.environ.get("MERPATI_TEST_REDIS_URL")
    if database and queue:
        yield database, f"{queue}?db={secrets.randbelow(4000) + 1}"
        return
    from app.runtime.services import services

    with services(Settings(home=home, database_url="", redis_url=""), postgres={"fsync": "off"}) as running:
        yield running.database_url, running.redis_url


@pytest.fixture(scope="session")
def database_url(servers: tuple[str, str]) -> Iterator[str]:
    """A fresh, empty database for this run."""
    server, name = servers[0], f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    yield server.replace("/merpati?", f"/{name}?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def settings(home: Path, servers: tuple[str, str], database_url: str) -> Settings:
    """The settings of the application under test."""
    return Settings(
        home=home,
        database_url=database_url,
        redis_url=servers[1],
        secret_key=SECRET,
        base_url="http://localhost",
        mail_domain="mail.example.com",
        bounce_domain="bounces.example.com",
        log_level="warning",
    )


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    """The application, migrated."""
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = Browser
    with app.app_context():
        migrate(db.engine)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """An application context for the length of a test."""
    with app.app_context():
        yield
        db.session.rollback()


@pytest.fixture
def workspace(app: Flask, context: None) -> Workspace:
    """A tenant of this test's own, not in scope yet."""
    workspace = create_workspace(f"Aviary {secrets.token_hex(4)}")
    workspace.postal_address = "1 Dovecote Lane, 12345 Nest"
    workspace.from_name, workspace.from_email = "Aviary News", "news@aviary.example.com"
    workspace.hold_seconds = 0
    db.session.commit()
    return workspace


@pytest.fixture
def scope(workspace: Workspace) -> Iterator[Workspace]:
    """The tenant, in scope."""
    with in_workspace(workspace.id):
        yield workspace


@pytest.fixture
def ada(workspace: Workspace) -> User:
    """The owner."""
    return _member(workspace, "ada", Role.OWNER)


@pytest.fixture
def eve(workspace: Workspace) -> User:
    """An editor."""
    return _member(workspace, "eve", Role.EDITOR)


@pytest.fixture
def vic(workspace: Workspace) -> User:
    """A viewer."""
    return _member(workspace, "vic", Role.VIEWER)


@pytest.fixture
def visitor(app: Flask, context: None) -> FlaskClient:
    """A browser nobody is signed in to."""
    return app.test_client()


@pytest.fixture
def as_ada(app: Flask, ada: User) -> FlaskClient:
    """A browser the owner is signed in to."""
    return sign_in(app, ada)


@pytest.fixture
def as_vic(app: Flask, vic: User) -> FlaskClient:
    """A browser the viewer is signed in to."""
    return sign_in(app, vic)


def sign_in(app: Flask, user: User) -> FlaskClient:
    """A browser with this user's session."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user.fs_uniquifier
        session["_fresh"] = True
        session["fs_cc"] = "set"
        session["fs_paa"] = 9_999_999_999.0
    return client


def _member(workspace: Workspace, name: str, role: Role) -> User:
    user = create_user(f"{name}-{secrets.token_hex(4)}@example.com", name=name.title())
    add_member(workspace, user, role)
    db.session.commit()
    return user
