"""The link that makes the first owner."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import Membership, Role, User, Workspace
from app.accounts.setup import add_member, create_user, create_workspace, has_owner, make_link
from app.core.database import db
from app.core.migrations import migrate
from app.core.settings import Settings
from app.factory import create_app
from tests.accounts.pages import is_signed_in, text_of
from tests.conftest import Browser

pytestmark = pytest.mark.long

FORM = {
    "workspace": "The Dovecote",
    "name": "Ada",
    "email": "ada@example.com",
    "password": "a dove carries one letter",
    "postal_address": "1 Dovecote Lane, 12345 Nest",
    "timezone": "Europe/Brussels",
}


@pytest.fixture
def fresh(settings: Settings, servers: tuple[str, str]) -> Iterator[Flask]:
    """An installation nobody has entered yet, in its context."""
    server, name = servers[0], f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    fresh = create_app(settings.model_copy(update={"database_url": server.replace("/merpati?", f"/{name}?")}))
    fresh.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    fresh.test_client_class = Browser
    with fresh.app_context():
        migrate(db.engine)
        yield fresh
        db.session.rollback()
        db.engine.dispose()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


@pytest.fixture
def address(fresh: Flask) -> str:
    """Where the first owner is made."""
    return _address()


def test_looking_uses_nothing_up(fresh: Flask, address: str) -> None:
    browser = fresh.test_client()
    for _ in range(3):
        assert browser.get(address).status_code == 200
        assert browser.head(address).status_code == 200
    assert not has_owner()


def test_the_form_makes_owner_and_workspace_and_signs_in(fresh: Flask, address: str) -> None:
    browser = fresh.test_client()
    answer = browser.post(address, data=FORM)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/w/the-dovecote/")
    assert browser.get("/").headers["Location"] == "/w/the-dovecote/"
    workspace = db.session.scalars(select(Workspace)).one()
    assert (workspace.name, workspace.timezone) == ("The Dovecote", "Europe/Brussels")
    assert (workspace.from_email, workspace.from_name) == ("ada@example.com", "The Dovecote")
    assert workspace.postal_address == FORM["postal_address"]
    assert db.session.scalars(select(Membership.role)).all() == [Role.OWNER]
    signed_in = fresh.test_client().post("/sign-in", data={"email": FORM["email"], "password": FORM["password"]})
    assert signed_in.headers["Location"] == "/"


def test_the_second_use_is_refused(fresh: Flask, address: str) -> None:
    fresh.test_client().post(address, data=FORM)
    second = fresh.test_client()
    for answer in (second.get(address), second.post(address, data={**FORM, "email": "eve@example.com"})):
        assert answer.status_code == 404
        assert "used already" in text_of(answer)
    assert _people() == ["ada@example.com"]


def test_another_link_is_worth_nothing_once_there_is_an_owner(fresh: Flask, address: str) -> None:
    other = _address()
    fresh.test_client().post(address, data=FORM)
    browser = fresh.test_client()
    answer = browser.post(other, data={**FORM, "email": "eve@example.com"})
    assert answer.status_code == 409
    assert "There is an owner already" in text_of(answer)
    assert _people() == ["ada@example.com"]
    assert not is_signed_in(browser)


@pytest.mark.parametrize("emails", [("ada@example.com", "eve@example.com"), ("ada@example.com", "ada@example.com")])
def test_of_two_at_once_one_wins(fresh: Flask, address: str, emails: tuple[str, str]) -> None:
    def start(email: str) -> int:
        with fresh.app_context():
            return fresh.test_client().post(address, data={**FORM, "email": email}).status_code

    with ThreadPoolExecutor(2) as people:
        statuses = sorted(people.map(start, emails))
    assert statuses == [302, 404]
    assert len(_people()) == 1
    assert db.session.scalar(select(func.count()).select_from(Workspace)) == 1


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("workspace", " ", "This field is required."),
        ("email", "ada", "Write an address such as news@example.com."),
        ("password", "short", "Use at least 10 characters"),
        ("timezone", "Europe/Atlantis", "Choose a time zone from the list"),
        ("name", "A\nB", "This must be one line."),
    ],
)
def test_a_mistake_keeps_what_was_typed_and_the_link(
    fresh: Flask, address: str, field: str, value: str, error: str
) -> None:
    browser = fresh.test_client()
    answer = browser.post(address, data={**FORM, field: value})
    assert answer.status_code == 422
    assert error in text_of(answer)
    for name, text in FORM.items():
        if name not in (field, "password"):
            assert text in text_of(answer)
    assert FORM["password"] not in text_of(answer)
    assert not has_owner()
    assert browser.post(address, data=FORM).status_code == 302


def test_an_address_that_signs_in_already_is_told_so_and_the_link_stays(fresh: Flask, address: str) -> None:
    create_user("ada@example.com")
    db.session.commit()
    answer = fresh.test_client().post(address, data={**FORM, "email": "ADA@example.com"})
    assert answer.status_code == 422
    assert "Somebody with this address exists already" in text_of(answer)
    assert fresh.test_client().post(address, data={**FORM, "email": "eve@example.com"}).status_code == 302


def test_slugs_are_readable_and_never_twice_the_same(fresh: Flask) -> None:
    names = ["Café Dove & Söhne", "café dove & söhne", "鳩", "鳩", "  Dove  "]
    slugs = [create_workspace(name).slug for name in names]
    assert len(set(slugs)) == len(slugs)
    assert slugs[-1] == "dove"
    assert slugs[2:4] == ["workspace", "workspace-2"]


def test_an_owner_is_whoever_has_the_role_anywhere(fresh: Flask) -> None:
    workspace, user = create_workspace("Dove"), create_user("eve@example.com")
    add_member(workspace, user, Role.EDITOR)
    assert not has_owner()


def _address() -> str:
    secret = make_link("create-owner")
    db.session.commit()
    return f"/start/{secret}"


def _people() -> list[str]:
    return list(db.session.scalars(select(User.email).order_by(User.email)))
