"""Bodies that are too large: refused in words before anything is made of them, wherever they are sent."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from app.accounts.keys import create_key
from app.accounts.models import Role, Workspace
from app.bodies import MOST, MOST_FROM_STRANGERS
from app.core.database import db
from tests.test_walks import calls

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
HUGE = b'{"auth_token": "' + b"a" * (MOST + 1) + b'"}'


def test_no_call_takes_a_body_without_limit(app: Flask) -> None:
    """Within the limit of imports lie only imports."""
    assert app.config["MAX_CONTENT_LENGTH"] == MOST
    large = {call.endpoint for call in calls(app) if call.method == "POST" and _limit(app, call.endpoint) > 100 * MIB}
    assert large == {"imports.create", "api.imports.create"}


@pytest.mark.parametrize("path", ["/sign-in", "/", "/nowhere", "/unsubscribe/nobody"])
def test_a_stranger_sends_too_much(visitor: FlaskClient, path: str) -> None:
    body = b"email=" + b"a" * (MOST_FROM_STRANGERS + 1)
    answer = visitor.post(path, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (404, 405, 413)
    answer = visitor.post(path, data=HUGE, headers=JSON)
    assert answer.status_code in (404, 405, 413)


def test_sign_in_says_what_is_wrong(visitor: FlaskClient) -> None:
    page = visitor.post("/sign-in", data={"email": "a" * (MOST_FROM_STRANGERS + 1)})
    assert (page.status_code, page.mimetype) == (413, "text/html")
    assert "larger than this address takes (256 KB). Nothing was saved." in page.text
    problem = visitor.post("/sign-in", data=HUGE, headers=JSON)
    assert (problem.status_code, problem.mimetype) == (413, "application/problem+json")
    assert "Nothing was saved" in problem.json["detail"]  # type: ignore[index]


def test_a_member_sends_too_much(as_ada: FlaskClient, workspace: Workspace) -> None:
    address = f"/w/{workspace.slug}/settings"
    for body, kind in ((HUGE, "application/json"), (b"a" * (MOST + 1), "text/plain")):
        answer = as_ada.post(address, data=body, headers={"Content-Type": kind})
        assert answer.status_code in (413, 422), kind
    answer = as_ada.post(address, data={"name": "a" * (MOST + 1)})
    assert answer.status_code == 413
    assert "larger than this address takes (4 MB)" in answer.text
    db.session.refresh(workspace)
    assert workspace.name.startswith("Aviary")


def test_a_page_is_not_kept_from_whoever_sends_a_body_with_it(as_ada: FlaskClient, workspace: Workspace) -> None:
    """Flask-Security looks for its token in the JSON of every request, where there is no session."""
    assert as_ada.get(f"/w/{workspace.slug}/settings", data=HUGE, headers=JSON).status_code in (200, 413)


def test_files_have_limits_of_their_own(as_ada: FlaskClient, workspace: Workspace) -> None:
    """A file above the general limit is read, and judged by what it holds."""
    base = f"/w/{workspace.slug}"
    answer = as_ada.post(f"{base}/settings/domains/reports", **_file("report.xml", b"abcdefgh" * MIB))
    assert answer.status_code == 422
    assert "not XML" in answer.text or "not a DMARC" in answer.text
    answer = as_ada.post(f"{base}/settings/domains/reports", **_file("report.xml", b"a" * (11 * MIB)))
    assert answer.status_code == 413
    assert "(10 MB)" in answer.text
    rows = b"email\n" + b"".join(b"wren%d@example.com\n" % number for number in range(300_000))
    assert len(rows) > MOST
    answer = as_ada.post(f"{base}/imports", **_file("people.csv", rows))
    assert answer.status_code == 302


def test_a_program_sends_too_much(visitor: FlaskClient, scope: Workspace) -> None:
    key = create_key("Shop", Role.OWNER)
    db.session.commit()
    for size in (MOST - 100 * 1024, MOST + 1):
        answer = visitor.post(
            "/api/v1/lists",
            data=b'{"name": "' + b"a" * size + b'"}',
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        assert (answer.status_code, answer.mimetype) == (413, "application/problem+json"), size


def _file(name: str, content: bytes) -> dict[str, Any]:
    """What a browser posts for a file."""
    file = FileStorage(io.BytesIO(content), filename=name, name="file")
    boundary, body = encode_multipart(MultiDict({"file": file}))
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def _limit(app: Flask, endpoint: str) -> int:
    from flask import request

    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    with app.test_request_context(method="POST"):
        request.url_rule = rule
        for step in app.before_request_funcs[None]:
            if step.__module__ == "app.bodies":
                step()
        return request.max_content_length or 10**12
