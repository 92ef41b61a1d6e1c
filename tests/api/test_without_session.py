"""A program has a key and no session: the guard against foreign pages must not stand in its way."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.keys import create_key
from app.accounts.models import Role, Workspace
from app.core.database import db


@pytest.fixture
def guarded(app: Flask) -> Iterator[None]:
    """The guard is up, as it is outside of tests."""
    app.config["WTF_CSRF_ENABLED"] = True
    yield
    app.config["WTF_CSRF_ENABLED"] = False


def test_a_program_writes_with_its_key_alone(guarded: None, scope: Workspace, visitor: FlaskClient) -> None:
    key = create_key("Shop", Role.EDITOR)
    db.session.commit()
    headers = {"Authorization": f"Bearer {key}"}
    made = visitor.post("/api/v1/lists", json={"name": "Letters"}, headers=headers)
    assert made.status_code == 201, made.text
    changed = visitor.patch(f"/api/v1/lists/{made.json['id']}", json={"description": "Weekly"}, headers=headers)
    assert changed.status_code == 200, changed.text
    assert visitor.post("/api/v1/lists", json={"name": "Letters"}).status_code == 401


def test_a_page_still_needs_its_token(guarded: None, as_ada: FlaskClient, workspace: Workspace) -> None:
    assert as_ada.post(f"/w/{workspace.slug}/lists", data={"name": "Letters"}).status_code == 400
