"""Signing in and out, and where one lands."""

import re
from datetime import timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.models import User, Workspace
from app.accounts.setup import checked_password, create_user, make_link
from app.accounts.tries import LIMIT
from app.core import clock
from app.core.database import db
from tests.accounts.pages import is_signed_in, text_of, token_on

PASSWORD = "a dove carries one letter"


@pytest.fixture
def pat(ada: User) -> User:
    """Ada with a password."""
    ada.password = checked_password(PASSWORD)
    db.session.commit()
    return ada


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms need their token, as outside of tests."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)


def test_in_and_out_with_the_forms_of_the_pages(
    guarded: None, visitor: FlaskClient, pat: User, workspace: Workspace
) -> None:
    wanted = f"/w/{workspace.slug}/settings"
    to_sign_in = visitor.get(wanted)
    assert to_sign_in.status_code == 302
    form = visitor.get(to_sign_in.headers["Location"])
    entered = visitor.post(
        to_sign_in.headers["Location"],
        data={"email": pat.email.upper(), "password": PASSWORD, "csrf_token": token_on(form)},
    )
    assert (entered.status_code, entered.headers["Location"]) == (302, wanted)
    page = visitor.get(wanted)
    assert page.status_code == 200
    assert visitor.post("/sign-out").status_code == 400
    assert is_signed_in(visitor)
    left = visitor.post("/sign-out", data={"csrf_token": token_on(page)})
    assert (left.status_code, left.headers["Location"]) == (302, "/sign-in")
    assert not is_signed_in(visitor)
    assert visitor.get(wanted).status_code == 302


def test_passwords_are_kept_as_argon2(pat: User) -> None:
    assert pat.password is not None
    assert pat.password.startswith("$argon2")
    assert PASSWORD not in pat.password


def test_a_sign_in_from_another_site_is_refused(guarded: None, visitor: FlaskClient, pat: User) -> None:
    answer = _sign_in(visitor, pat.email)
    assert answer.status_code in (200, 400)
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("what", ["wrong password", "unknown person", "person without a password", "inactive person"])
def test_every_refusal_reads_the_same(visitor: FlaskClient, pat: User, vic: User, what: str) -> None:
    email, password = pat.email, PASSWORD
    if what == "wrong password":
        password = "another sentence"
    elif what == "unknown person":
        email = "nobody-at-all@example.com"
    elif what == "person without a password":
        email = vic.email
    else:
        pat.active = False
        db.session.commit()
    answer = _sign_in(visitor, email, password)
    assert "Authentication failed - identity or password/passcode invalid" in text_of(answer)
    assert not is_signed_in(visitor)


@pytest.mark.slow
def test_wrong_passwords_cannot_be_tried_by_the_thousand(visitor: FlaskClient, pat: User) -> None:
    guesser, other = _from(), _from()
    for _ in range(LIMIT.amount):
        assert _sign_in(visitor, pat.email, "a wrong password", **guesser).status_code == 200
    refused = _sign_in(visitor, pat.email, **guesser)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "60"
    assert "Wait a minute" in text_of(refused)
    assert not is_signed_in(visitor)
    assert visitor.get("/sign-in", **guesser).status_code == 200
    assert _sign_in(visitor, pat.email, **other).status_code == 302


@pytest.mark.slow
def test_right_passwords_are_not_counted(app: Flask, pat: User) -> None:
    office = _from()
    for _ in range(LIMIT.amount + 2):
        assert _sign_in(app.test_client(), pat.email, **office).status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/",
        "//evil.example.com",
        "///evil.example.com",
        "////evil.example.com",
        "/\\evil.example.com",
        "\\\\evil.example.com",
        "https:evil.example.com",
        "https:///evil.example.com",
        "javascript:alert(1)",
        " //evil.example.com",
        "\t//evil.example.com",
        "http://localhost@evil.example.com/",
        "http://localhost.evil.example.com/",
    ],
)
@pytest.mark.parametrize("place", ["address", "form"])
def test_no_link_leads_elsewhere_after_the_sign_in(visitor: FlaskClient, pat: User, target: str, place: str) -> None:
    given = {"query_string": {"next": target}} if place == "address" else {}
    fields = {"next": target} if place == "form" else {}
    answer = visitor.post("/sign-in", data={"email": pat.email, "password": PASSWORD, **fields}, **given, **_from())
    assert _stays_here(answer)


def test_signing_in_again_leads_nowhere_else_either(as_ada: FlaskClient) -> None:
    assert _stays_here(as_ada.get("/sign-in", query_string={"next": "https://evil.example.com/"}))


def test_a_sign_in_link_works_once(visitor: FlaskClient, vic: User, workspace: Workspace) -> None:
    address = f"/enter/{_link(vic)}"
    for _ in range(2):
        assert visitor.get(address).status_code == 200
        assert visitor.head(address).status_code == 200
        assert not is_signed_in(visitor)
    assert visitor.post(address).headers["Location"] == "/"
    assert visitor.get("/").headers["Location"] == f"/w/{workspace.slug}/"
    for method in (visitor.get, visitor.post):
        again = method(address)
        assert again.status_code == 404
        assert "used already" in text_of(again)


def test_a_sign_in_link_ends_after_a_day(visitor: FlaskClient, vic: User) -> None:
    address = f"/enter/{_link(vic)}"
    with clock.moved(timedelta(hours=25)):
        assert visitor.get(address).status_code == 404
        assert visitor.post(address).status_code == 404
    assert not is_signed_in(visitor)


def test_links_of_one_kind_do_not_open_the_other(visitor: FlaskClient, vic: User) -> None:
    secret = _link(vic)
    assert visitor.get(f"/start/{secret}").status_code == 404
    assert visitor.post(f"/start/{secret}").status_code == 404
    assert visitor.get("/enter/made-up").status_code == 404


def test_a_person_of_no_workspace_is_told_so(visitor: FlaskClient) -> None:
    loner = create_user(f"loner-{token_hex(4)}@example.com")
    db.session.commit()
    visitor.post(f"/enter/{_link(loner)}")
    page = visitor.get("/")
    assert page.status_code == 403
    assert "not a member of any workspace" in text_of(page)


def _stays_here(answer: TestResponse) -> bool:
    assert answer.status_code in (200, 302)
    # As browsers read it: control characters dropped, a backslash taken for a slash.
    where = re.sub(r"[\x00-\x20]", "", answer.headers.get("Location", "/")).replace("\\", "/")
    return urlsplit(urljoin("http://localhost/sign-in", where)).netloc == "localhost"


def _link(user: User) -> str:
    secret = make_link("sign-in", user)
    db.session.commit()
    return secret


def _sign_in(browser: FlaskClient, email: str, password: str = PASSWORD, **more: Any) -> TestResponse:
    return browser.post("/sign-in", data={"email": email, "password": password}, **more)


def _from() -> dict[str, Any]:
    """A network address that no other test comes from."""
    return {"environ_overrides": {"REMOTE_ADDR": f"2001:db8::{token_hex(2)}:{token_hex(2)}"}}
