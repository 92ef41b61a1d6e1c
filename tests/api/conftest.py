"""A program with a key, and what it needs to talk."""

from collections.abc import Iterator
from socket import socket
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts.keys import create_key
from app.accounts.models import Role, Workspace
from app.accounts.setup import create_workspace
from app.core.database import db, in_workspace


class Program:
    """A client that sends its key with each call and never raises."""

    def __init__(self, app: Flask, key: str) -> None:
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self._headers, **options.pop("headers", {})}
        db.session.expire_all()  # so that a test sees what is stored, not what it remembers
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self("POST", path, json=json, **options) if json is not None else self("POST", path, **options)

    def patch(self, path: str, json: Any, **options: Any) -> TestResponse:
        return self("PATCH", path, json=json, **options)

    def delete(self, path: str) -> TestResponse:
        return self("DELETE", path)


@pytest.fixture
def workspace_id(workspace: Workspace) -> int:
    """Its number, which outlives the session."""
    return workspace.id


@pytest.fixture
def key(workspace: Workspace) -> str:
    """An owner's key."""
    return make_key(workspace, Role.OWNER)


@pytest.fixture
def api(app: Flask, key: str) -> Program:
    """A program of this test's workspace."""
    return Program(app, key)


@pytest.fixture
def viewer(app: Flask, workspace: Workspace) -> Program:
    """A program that may only read."""
    return Program(app, make_key(workspace, Role.VIEWER))


@pytest.fixture
def editor(app: Flask, workspace: Workspace) -> Program:
    """A program that may change things."""
    return Program(app, make_key(workspace, Role.EDITOR))


@pytest.fixture
def stranger(app: Flask, context: None) -> Program:
    """A program of another workspace."""
    other = create_workspace("Strangers")
    db.session.commit()
    return Program(app, make_key(other, Role.OWNER))


@pytest.fixture
def nobody(app: Flask, context: None) -> Program:
    """A program without a key."""
    return Program(app, "")


@pytest.fixture
def letters(api: Program) -> int:
    """A list with two people on it."""
    made: int = api.post("/lists", {"name": "Letters"}).json["id"]
    for name in ("ann", "bob"):
        answer = api.post("/subscribers", {"email": f"{name}@example.com", "first_name": name, "lists": [made]})
        assert answer.status_code == 201, answer.text
    return made


@pytest.fixture
def draft(api: Program, letters: int) -> dict[str, Any]:
    """A draft from a starter to that list."""
    answer = api.post("/campaigns", {"name": "Spring", "starter": "newsletter", "lists": [letters]})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


@pytest.fixture
def mails(app: Flask) -> Iterator[list[bytes]]:
    """What a mail server of this test's own took, while it is the installation's way out."""
    taken: list[bytes] = []

    class Keeper:
        async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - its name there
            taken.append(envelope.original_content or b"")
            return "250 2.0.0 taken"

    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(Keeper(), hostname="127.0.0.1", port=port)
    server.start()
    before = app.extensions["merpati.settings"]
    app.extensions["merpati.settings"] = before.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"})
    yield taken
    app.extensions["merpati.settings"] = before
    server.stop()


def make_key(workspace: Workspace, role: Role) -> str:
    with in_workspace(workspace.id):
        secret = create_key(f"a {role}", role)
        db.session.commit()
    return secret


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """The body of an error, checked to be a problem that a person can act on."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    found: dict[str, Any] = answer.json
    assert {"type", "title", "status", "detail", "request_id"} <= found.keys()
    assert found["status"] == status
    assert len(found["detail"]) > 20
    return found
