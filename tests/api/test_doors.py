"""Who gets in, how much passes, and what a call may carry."""

import pytest

from app.accounts.keys import revoke_key
from app.accounts.models import ApiKey
from app.api import gate
from app.core.database import db, in_workspace
from tests.api.conftest import Program, problem

READS = ("/lists", "/subscribers", "/imports", "/suppressions", "/campaigns", "/campaigns/starters")


@pytest.mark.parametrize("path", READS)
def test_without_a_key_there_is_nothing(nobody: Program, path: str) -> None:
    answer = nobody.get(path)
    assert "Settings, API keys" in problem(answer, 401)["detail"]
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Merpati"'


@pytest.mark.parametrize("header", ["Bearer mpt_wrong", "Bearer ", "Basic YTpi", "mpt_x", "Bearer \u00e4\u00f6"])
def test_a_wrong_key_is_refused(nobody: Program, header: str) -> None:
    answer = nobody.get("/lists", headers={"Authorization": header})
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_key_is_refused_at_once(api: Program, workspace_id: int) -> None:
    assert api.get("/lists").status_code == 200
    with in_workspace(workspace_id):
        revoke_key(db.session.scalars(db.select(ApiKey.id)).one())
        db.session.commit()
    problem(api.get("/lists"), 401)


def test_the_key_comes_before_the_body(nobody: Program, viewer: Program) -> None:
    problem(nobody("POST", "/lists", data=b"{", content_type="application/json"), 401)
    problem(viewer("POST", "/lists", data=b"{", content_type="application/json"), 403)
    problem(nobody.post("/imports", data={}), 401)


def test_a_viewers_key_reads_and_changes_nothing(viewer: Program, draft: dict[str, int]) -> None:
    assert all(viewer.get(path).status_code == 200 for path in READS)
    for path in ("/lists", "/subscribers", "/suppressions", "/campaigns", f"/campaigns/{draft['id']}/launch"):
        assert "viewer" in problem(viewer.post(path, {}), 403)["detail"]
    problem(viewer.patch(f"/campaigns/{draft['id']}", {"name": "x"}), 403)
    problem(viewer.delete(f"/campaigns/{draft['id']}"), 403)


def test_an_editors_key_neither_erases_nor_lifts(api: Program, editor: Program, letters: int) -> None:
    made = api.post("/suppressions", {"email": "x@example.com"}).json["id"]
    problem(editor.delete(f"/suppressions/{made}"), 403)
    person = api.get("/subscribers?email=ann@example.com").json[0]["id"]
    problem(editor.delete(f"/subscribers/{person}"), 403)
    assert api.get(f"/subscribers/{person}").status_code == 200


def test_things_of_another_workspace_do_not_exist(
    api: Program, stranger: Program, draft: dict[str, int], letters: int
) -> None:
    person = api.get("/subscribers").json[0]["id"]
    suppressed = api.post("/suppressions", {"email": "x@example.com"}).json["id"]
    campaign = f"/campaigns/{draft['id']}"
    for path in (f"/lists/{letters}", f"/subscribers/{person}", campaign):
        problem(stranger.get(path), 404)
        problem(stranger.patch(path, {}), 404)
    for path in ("review", "status", "ledger", "report"):
        problem(stranger.get(f"{campaign}/{path}"), 404)
    for path in ("launch", "pause", "resume", "cancel"):
        problem(stranger.post(f"{campaign}/{path}"), 404)
    problem(stranger.post(f"{campaign}/test", {"email": "a@example.com"}), 404)
    problem(stranger.delete(f"{campaign}/launch"), 404)
    problem(stranger.delete(campaign), 404)
    problem(stranger.delete(f"/subscribers/{person}"), 404)
    problem(stranger.post(f"/subscribers/{person}/unsubscribe"), 404)
    problem(stranger.delete(f"/suppressions/{suppressed}"), 404)
    assert problem(stranger.post("/campaigns", {"name": "x", "lists": [letters]}), 422)["field"] == "lists"
    assert problem(stranger.post("/subscribers", {"email": "a@b.test", "lists": [letters]}), 422)["field"] == "lists"
    assert problem(stranger.post("/suppressions", {"email": "a@b.test", "list_id": letters}), 422)["field"] == "list_id"
    for path in ("/lists", "/subscribers", "/suppressions", "/campaigns"):
        assert stranger.get(path).json == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"name": NaN}', "NaN"),
        (b"[" * 100_000, "nested"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"name": "\\ud800"}', "half a character"),
    ],
)
def test_what_is_not_json_is_refused(api: Program, body: bytes, word: str) -> None:
    answer = api("POST", "/lists", data=body, content_type="application/json")
    said = problem(answer, 400)["detail"]
    assert word in said
    assert "Nothing was changed" in said
    assert api.get("/lists").json == []


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null"])
def test_json_that_is_no_object_is_refused(api: Program, body: bytes) -> None:
    problem(api("POST", "/lists", data=body, content_type="application/json"), 422)


def test_a_body_of_another_type_is_refused(api: Program) -> None:
    answer = api("POST", "/lists", data={"name": "Letters"})
    assert "Content-Type: application/json" in problem(answer, 415)["detail"]


def test_a_huge_body_is_refused(api: Program) -> None:
    answer = api("POST", "/lists", data=b'{"name": "' + b"x" * 5_000_000, content_type="application/json")
    problem(answer, 413)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1.5", "limit"),
        ("size=5", "size"),
    ],
)
def test_a_query_says_what_is_wrong_with_it(api: Program, query: str, field: str) -> None:
    for path in ("/lists", "/subscribers", "/campaigns"):
        assert problem(api.get(f"{path}?{query}"), 422)["field"] == field


@pytest.mark.parametrize("path", ["/lists/99999999999999999999", "/nowhere", "/subscribers/1.5"])
def test_addresses_that_are_none(api: Program, path: str) -> None:
    problem(api.get(path), 404)


def test_a_method_that_is_none(api: Program) -> None:
    answer = api("PUT", "/lists", json={})
    problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


def test_every_fault_of_a_body_is_named(api: Program) -> None:
    wrong = {"name": "", "variants": [{"share": 2, "subject": "a"}, {"share": 0.5}], "held_out": 0.9, "nme": 1}
    found = problem(api.post("/campaigns", wrong), 422)
    fields = {error["field"] for error in found["errors"]}
    assert fields == {"name", "variants.0.share", "variants.1.subject", "held_out", "nme"}
    assert "Nothing was changed" in found["detail"]
    assert found["field"] in fields


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate that a test can exceed."""
    monkeypatch.setattr(gate, "CALLS", 3)
    monkeypatch.setattr(gate, "LIMIT", type(gate.LIMIT)(3, 60, namespace="little"))


def test_too_many_calls_wait(little: None, api: Program, viewer: Program) -> None:
    left = [api.get("/lists").headers["RateLimit"].split(";")[1] for _ in range(3)]
    assert left == ["r=2", "r=1", "r=0"]
    answer = api.post("/lists", {"name": "One too many"})
    assert "Send it again in" in problem(answer, 429)["detail"]
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert answer.headers["RateLimit-Policy"] == '"key";q=3;w=60'
    # A key's rate is its own, and the call that was refused did nothing.
    assert viewer.get("/lists").json == []
