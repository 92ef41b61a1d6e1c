"""Errors as people and programs meet them, and what every answer carries."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.access import public
from app.accounts.models import User
from app.core.database import db
from app.core.errors import (
    BadToken,
    Conflict,
    Invalid,
    MerpatiError,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TemporaryFailure,
    Unavailable,
)
from app.core.http import csp_nonce, replace_policy, set_policy
from app.core.settings import Settings
from app.factory import create_app
from tests.conftest import Browser, sign_in

PROGRAM = {"Accept": "application/json"}
KINDS = {
    "not-found": (NotFound("This list does not exist."), 404),
    "bad-token": (BadToken("This link was damaged."), 404),
    "not-signed-in": (NotSignedIn("Send your key."), 401),
    "not-allowed": (NotAllowed("Ask an owner."), 403),
    "conflict": (Conflict("Somebody was faster."), 409),
    "invalid": (Invalid("Write a name.", field="name"), 422),
    "temporary": (TemporaryFailure("Try later."), 503),
    "unavailable": (Unavailable("The queue does not answer."), 503),
    "other": (MerpatiError("Something of the house."), 500),
}


@pytest.fixture(scope="module")
def odd_app(settings: Settings) -> Iterator[Flask]:
    """The application with a few pages that fail, each in its way."""
    odd = create_app(settings)
    odd.test_client_class = Browser
    for name, (error, _) in KINDS.items():
        odd.add_url_rule(f"/odd/{name}", name, public(_raising(error)), methods=["GET", "POST"])
        odd.add_url_rule(f"/api/odd/{name}", f"api-{name}", public(_raising(error)))
    odd.add_url_rule("/odd/surprise", "surprise", public(_raising(ZeroDivisionError("password=hunter2"))))
    odd.add_url_rule("/odd/own-policy", "own-policy", public(_own_policy))
    odd.add_url_rule("/odd/changed-policy", "changed-policy", public(_changed_policy))
    odd.add_url_rule("/odd/nonce", "nonce", public(csp_nonce))
    yield odd
    with odd.app_context():
        db.engine.dispose()


@pytest.fixture
def client(odd_app: Flask) -> FlaskClient:
    return odd_app.test_client()


@pytest.mark.parametrize("name", KINDS)
def test_an_error_is_a_page_for_people(client: FlaskClient, name: str) -> None:
    error, status = KINDS[name]
    answer = client.get(f"/odd/{name}", headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert str(error) in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("path", ["/odd/", "/api/odd/"])
def test_an_error_is_a_problem_for_programs(client: FlaskClient, name: str, path: str) -> None:
    error, status = KINDS[name]
    answer = client.get(path + name, headers=PROGRAM if path == "/odd/" else {})
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["status"] == status
    assert answer.json["detail"] == str(error)
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json.get("field") == ("name" if name == "invalid" else None)


def test_a_surprise_tells_nothing_of_itself(client: FlaskClient) -> None:
    for headers in ({}, PROGRAM):
        answer = client.get("/odd/surprise", headers=headers)
        assert answer.status_code == 500
        assert "Something went wrong on our side" in answer.text
        assert "hunter2" not in answer.text
        assert "ZeroDivisionError" not in answer.text


def test_an_unknown_address(client: FlaskClient) -> None:
    answer = client.get("/nowhere/at/all")
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.text
    problem = client.get("/api/v1/nowhere")
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("headers", [{}, PROGRAM], ids=["people", "programs"])
def test_a_wrong_method_tells_which_are_right(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get("/sign-out", headers=headers)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "does not take that kind of request" in answer.text


@pytest.mark.parametrize("headers", [{}, PROGRAM], ids=["people", "programs"])
def test_a_form_without_its_token_changes_nothing_and_says_what_to_do(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post("/odd/conflict", headers=headers)
    assert answer.status_code == 400
    assert "Go back, reload the page and send it again." in answer.text


def test_a_fragment_is_not_filled_with_a_whole_page(client: FlaskClient) -> None:
    answer = client.get("/odd/conflict", headers={"HX-Request": "true"})
    assert answer.headers["HX-Reswap"] == "none"
    assert "HX-Reswap" not in client.get("/odd/conflict").headers


def test_a_request_id_is_kept_only_when_it_is_harmless(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc123"}).headers["X-Request-ID"] == "abc123"
    for odd in ("a" * 65, "<script>", "a b", ""):
        given = client.get("/healthz", headers={"X-Request-ID": odd}).headers["X-Request-ID"]
        assert re.fullmatch(r"[0-9a-f]{16}", given)


@pytest.mark.parametrize("path", ["/healthz", "/sign-in", "/nowhere", "/odd/surprise", "/odd/conflict"])
def test_every_answer_carries_its_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_a_page_may_change_its_policy_and_no_other(client: FlaskClient) -> None:
    assert "frame-ancestors 'self'" in _policy(client.get("/odd/changed-policy"))
    assert "script-src 'self'" in _policy(client.get("/odd/changed-policy"))
    assert _policy(client.get("/odd/own-policy")) == "sandbox"
    assert "frame-ancestors 'none'" in _policy(client.get("/healthz"))


def test_a_nonce_stands_in_the_policy_and_is_new_each_time(client: FlaskClient) -> None:
    first, second = client.get("/odd/nonce"), client.get("/odd/nonce")
    assert f"style-src 'self' 'nonce-{first.text}'" in _policy(first)
    assert first.text != second.text


def test_with_https_browsers_are_told_to_stay_with_it(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" in client.get("/healthz", base_url="https://news.example.com").headers
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


@pytest.fixture
def stranded(settings: Settings) -> Iterator[Flask]:
    """The application with its database away."""
    away = settings.model_copy(update={"database_url": "postgresql://nobody@/nothing?host=%2Fnowhere"})
    stranded = create_app(away)
    stranded.test_client_class = Browser
    yield stranded
    with stranded.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("headers", [{}, PROGRAM], ids=["people", "programs"])
def test_with_the_database_away_pages_say_so(
    stranded: Flask, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    answer = stranded.test_client().get("/readyz", headers=headers)
    assert answer.status_code == 503
    assert "The database does not answer just now. Nothing was changed." in answer.text


def test_with_the_database_away_people_who_are_signed_in_read_the_same(stranded: Flask) -> None:
    somebody = User(email="ada@example.com", fs_uniquifier="somebody")
    answer = sign_in(stranded, somebody).get("/w/aviary/", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "The database does not answer just now." in answer.text


def test_with_the_database_away_the_process_is_still_alive(stranded: Flask) -> None:
    assert stranded.test_client().get("/healthz").json == {"status": "ok"}


def _raising(error: Exception) -> Any:
    def view() -> Any:
        raise error

    return view


def _own_policy() -> str:
    replace_policy("sandbox")
    return "alone"


def _changed_policy() -> str:
    set_policy(frame_ancestors="'self'")
    return "framed"


def _policy(answer: TestResponse) -> str:
    return answer.headers["Content-Security-Policy"]
