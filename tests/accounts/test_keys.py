"""Keys of programs: made once, shown once, used, ended."""

import re
from secrets import token_hex

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.accounts.keys import create_key, revoke_key
from app.accounts.models import ApiKey, Role, Workspace
from app.accounts.setup import create_workspace
from app.core.database import db, in_workspace
from app.core.errors import NotFound
from tests.accounts.pages import text_of


def test_a_key_is_shown_once_and_opens_its_workspace(
    as_ada: FlaskClient, visitor: FlaskClient, workspace: Workspace
) -> None:
    page = as_ada.post(_at(workspace), data={"name": "Shop", "role": "viewer"})
    assert page.status_code == 200
    (secret,) = set(re.findall(r"mpt_[\w-]{20,}", text_of(page)))
    assert secret not in text_of(as_ada.get(_at(workspace)))
    assert "Shop" in text_of(as_ada.get(_at(workspace)))
    assert _ask(visitor, secret).status_code == 200
    assert "Never" not in text_of(as_ada.get(_at(workspace)))


def test_only_a_hash_is_kept(workspace: Workspace) -> None:
    secret = _key(workspace, Role.OWNER)
    with in_workspace(workspace.id):
        key = db.session.scalars(select(ApiKey)).one()
    assert key.prefix == secret[:8]
    assert len(key.digest) == 32
    assert secret.encode() not in key.digest


def test_a_role_bounds_what_a_key_does(visitor: FlaskClient, workspace: Workspace) -> None:
    answer = visitor.post("/api/v1/lists", json={"name": "News"}, headers=_bearer(_key(workspace, Role.VIEWER)))
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["detail"] == "This key has the role viewer; this call needs editor."
    answer = visitor.post("/api/v1/lists", json={"name": "News"}, headers=_bearer(_key(workspace, Role.EDITOR)))
    assert answer.status_code in (200, 201)


def test_a_revoked_key_is_refused_at_once(as_ada: FlaskClient, visitor: FlaskClient, workspace: Workspace) -> None:
    secret = _key(workspace, Role.OWNER)
    with in_workspace(workspace.id):
        key_id = db.session.scalars(select(ApiKey.id)).one()
    assert _ask(visitor, secret).status_code == 200
    assert as_ada.post(f"{_at(workspace)}/{key_id}/revoke").status_code == 302
    answer = _ask(visitor, secret)
    assert answer.status_code == 401
    assert "unknown or was revoked" in text_of(answer)
    assert "Revoked" in text_of(as_ada.get(_at(workspace)))


def test_revoking_again_keeps_the_first_moment(workspace: Workspace) -> None:
    _key(workspace, Role.OWNER)
    with in_workspace(workspace.id):
        key = db.session.scalars(select(ApiKey)).one()
        revoke_key(key.id)
        first = key.revoked_at
        revoke_key(key.id)
    assert key.revoked_at == first is not None


def test_another_workspaces_key_cannot_be_revoked(as_ada: FlaskClient, workspace: Workspace) -> None:
    other = create_workspace(f"Other {token_hex(4)}")
    _key(other, Role.OWNER)
    with in_workspace(other.id):
        key = db.session.scalars(select(ApiKey)).one()
    assert as_ada.post(f"{_at(workspace)}/{key.id}/revoke").status_code == 404
    with in_workspace(workspace.id), pytest.raises(NotFound):
        revoke_key(key.id)
    assert key.revoked_at is None


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer mpt_madeup", "Basic bXB0OnB3", "mpt_alone", "Bearer \u00e9"]
)
def test_anything_but_a_key_is_refused_with_the_way(visitor: FlaskClient, workspace: Workspace, header: str) -> None:
    answer = visitor.get("/api/v1/lists", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert "Settings, API keys" in text_of(answer)


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 101])
def test_a_key_needs_a_name(as_ada: FlaskClient, workspace: Workspace, name: str) -> None:
    answer = as_ada.post(_at(workspace), data={"name": name, "role": "viewer"})
    assert answer.status_code == 422
    with in_workspace(workspace.id):
        assert db.session.scalar(select(func.count()).select_from(ApiKey)) == 0


def test_keys_are_for_owners(as_vic: FlaskClient, workspace: Workspace) -> None:
    assert as_vic.get(_at(workspace)).status_code == 403
    assert as_vic.post(_at(workspace), data={"name": "x", "role": "owner"}).status_code == 403


def _at(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/settings/keys"


def _key(workspace: Workspace, role: Role) -> str:
    with in_workspace(workspace.id):
        secret = create_key("Shop", role)
    db.session.commit()
    return secret


def _ask(visitor: FlaskClient, secret: str) -> TestResponse:
    return visitor.get("/api/v1/lists", headers=_bearer(secret))


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
