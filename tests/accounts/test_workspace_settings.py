"""The settings of a workspace, its people, and one's own password."""

import re
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Membership, Role, User, Workspace
from app.accounts.setup import add_member, create_workspace
from app.core.database import db
from tests.accounts.pages import is_signed_in, text_of
from tests.conftest import sign_in

SETTINGS = {
    "name": "The Dovecote",
    "timezone": "Asia/Jakarta",
    "from_name": "Dove News",
    "from_email": "news@dove.example.com",
    "reply_to": "",
    "postal_address": "1 Lane\n12345 Nest",
    "hold_seconds": "0",
    "confirm_above": "500",
}


def test_roles_include_the_ones_below() -> None:
    order = [Role.VIEWER, Role.EDITOR, Role.OWNER]
    for place, role in enumerate(order):
        assert [role.includes(other) for other in order] == [below <= place for below in range(3)]


def test_saving(as_ada: FlaskClient, workspace: Workspace) -> None:
    answer = as_ada.post(_at(workspace), data=SETTINGS)
    assert (answer.status_code, answer.headers["Location"]) == (302, _at(workspace))
    assert "Saved." in text_of(as_ada.get(_at(workspace)))
    assert (workspace.name, workspace.timezone, workspace.from_name) == ("The Dovecote", "Asia/Jakarta", "Dove News")
    assert (workspace.hold_seconds, workspace.confirm_above) == (0, 500)
    assert workspace.postal_address.replace("\r\n", "\n") == SETTINGS["postal_address"]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "This field is required."),
        ("name", "x" * 101, "Field cannot be longer than 100 characters."),
        ("timezone", "Mars/Olympus", "Choose a time zone from the list"),
        ("timezone", "localtime", "Choose a time zone from the list"),
        ("from_name", "News\r\nBcc: all@example.com", "This must be one line."),
        ("from_email", "news", "Write an address such as"),
        ("from_email", "news@example.com\nBcc: eve@example.com", "Write an address such as"),
        ("reply_to", "a b@example.com", "Write an address such as"),
        ("hold_seconds", "soon", "Not a valid integer value."),
        ("hold_seconds", "-1", "Number must be between 0 and 600."),
        ("confirm_above", "", "This field is required."),
    ],
)
def test_a_mistake_is_named_and_nothing_typed_is_lost(
    as_ada: FlaskClient, workspace: Workspace, field: str, value: str, error: str
) -> None:
    before = workspace.name
    answer = as_ada.post(_at(workspace), data={**SETTINGS, field: value})
    assert answer.status_code == 422
    assert error in text_of(answer)
    for name, text in SETTINGS.items():
        if name != field:
            assert text in text_of(answer)
    assert (workspace.name, workspace.timezone) == (before, "UTC")


def test_a_viewer_reads_and_an_owner_saves(as_vic: FlaskClient, workspace: Workspace) -> None:
    page = as_vic.get(_at(workspace))
    assert page.status_code == 200
    assert "Only an owner changes settings." in text_of(page)
    answer = as_vic.post(_at(workspace), data=SETTINGS)
    assert answer.status_code == 403
    assert "Your role here is viewer; this needs owner." in text_of(answer)
    assert workspace.timezone == "UTC"


@pytest.mark.parametrize("path", ["/team", "/keys"])
def test_a_role_that_is_none_of_the_three_is_refused(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    data = {"email": "x@example.com", "name": "x", "role": "emperor"}
    answer = as_ada.post(_at(workspace, path), data=data)
    assert answer.status_code == 422
    assert "Not a valid choice" in text_of(answer)


def test_an_invitation_is_a_link_that_signs_in(as_ada: FlaskClient, visitor: FlaskClient, workspace: Workspace) -> None:
    email = _new_address()
    page = as_ada.post(_at(workspace, "/team"), data={"email": email, "name": "Tim", "role": "editor"})
    assert page.status_code == 200
    link = next(
        word
        for word in text_of(page).replace("<", " ").replace('"', " ").replace(">", " ").split()
        if "/enter/" in word
    )
    assert link.startswith("http://localhost/enter/")
    assert "/enter/" not in text_of(as_ada.get(_at(workspace, "/team")))
    visitor.post(urlsplit(link).path)
    assert visitor.get(_at(workspace, "/team")).status_code == 200
    assert visitor.post(_at(workspace), data=SETTINGS).status_code == 403
    assert _role(workspace, email) == "editor"


@pytest.mark.parametrize("email", ["", "tim", "tim@", "tim@example", "tim @example.com"])
def test_an_invitation_needs_an_address(as_ada: FlaskClient, workspace: Workspace, email: str) -> None:
    answer = as_ada.post(_at(workspace, "/team"), data={"email": email, "name": "Tim, as typed", "role": "editor"})
    assert answer.status_code == 422
    assert "Tim, as typed" in text_of(answer)


def test_a_member_is_not_invited_twice(as_ada: FlaskClient, workspace: Workspace, vic: User) -> None:
    answer = as_ada.post(_at(workspace, "/team"), data={"email": vic.email.upper(), "role": "owner"})
    assert answer.status_code == 422
    assert "This person is a member already." in text_of(answer)
    assert _role(workspace, vic.email) == "viewer"


def test_who_signs_in_already_is_added_without_a_link(as_ada: FlaskClient, workspace: Workspace, vic: User) -> None:
    """The link would open the other workspaces of this person to whoever sends the invitation."""
    other = create_workspace(f"Other {token_hex(4)}")
    grace = _owner_of(other)
    answer = as_ada.post(_at(workspace, "/team"), data={"email": grace.email, "role": "viewer"}, follow_redirects=True)
    assert "This person signs in as before." in text_of(answer)
    assert "/enter/" not in text_of(answer)
    assert _role(workspace, grace.email) == "viewer"


def test_removing_ends_the_access_at_once(
    as_ada: FlaskClient, as_vic: FlaskClient, workspace: Workspace, vic: User
) -> None:
    assert as_vic.get(_at(workspace)).status_code == 200
    answer = as_ada.post(_at(workspace, f"/team/{vic.id}/remove"))
    assert (answer.status_code, answer.headers["Location"]) == (302, _at(workspace, "/team"))
    assert as_vic.get(_at(workspace)).status_code == 404
    assert as_ada.post(_at(workspace, f"/team/{vic.id}/remove")).status_code == 404
    back = as_ada.post(_at(workspace, "/team"), data={"email": vic.email, "role": "editor"})
    assert back.status_code == 302
    assert _role(workspace, vic.email) == "editor"


def test_the_last_owner_stays(as_ada: FlaskClient, workspace: Workspace, ada: User, vic: User) -> None:
    answer = as_ada.post(_at(workspace, f"/team/{ada.id}/remove"))
    assert answer.status_code == 409
    assert "This is the last owner." in text_of(answer)
    add_member(workspace, _person(), Role.OWNER)
    db.session.commit()
    assert as_ada.post(_at(workspace, f"/team/{ada.id}/remove")).status_code == 302


def test_two_owners_who_remove_each_other_at_once_leave_one(app: Flask, workspace: Workspace, ada: User) -> None:
    bea = _person()
    add_member(workspace, bea, Role.OWNER)
    db.session.commit()
    browsers = [(sign_in(app, ada), bea.id), (sign_in(app, bea), ada.id)]
    path = _at(workspace, "/team/{}/remove")

    def remove(pair: tuple[FlaskClient, int]) -> int:
        browser, other = pair
        return browser.post(path.format(other)).status_code

    with ThreadPoolExecutor(2) as people:
        assert 302 in people.map(remove, browsers)
    owners = select(Membership).where(Membership.workspace_id == workspace.id, Membership.role == Role.OWNER)
    assert len(db.session.scalars(owners).all()) == 1


def test_a_new_password_signs_in_and_ends_other_sessions(
    app: Flask, as_vic: FlaskClient, visitor: FlaskClient, workspace: Workspace, vic: User
) -> None:
    elsewhere = sign_in(app, vic)
    assert elsewhere.get(_at(workspace)).status_code == 200
    answer = as_vic.post(_at(workspace, "/password"), data={"password": "letters fly home at dusk"})
    assert answer.status_code == 302
    assert as_vic.get(_at(workspace)).status_code == 200
    assert elsewhere.get(_at(workspace)).status_code == 302
    visitor.post("/sign-in", data={"email": vic.email, "password": "letters fly home at dusk"})
    assert is_signed_in(visitor)


@pytest.mark.parametrize("password", ["", "too short", "x" * 201])
def test_a_password_of_the_wrong_length_is_refused(
    as_vic: FlaskClient, workspace: Workspace, vic: User, password: str
) -> None:
    answer = as_vic.post(_at(workspace, "/password"), data={"password": password})
    assert answer.status_code == 422
    assert vic.password is None


def _at(workspace: Workspace, path: str = "") -> str:
    return f"/w/{workspace.slug}/settings{path}"


def _new_address() -> str:
    return f"tim-{token_hex(4)}@example.com"


def _person() -> User:
    person = User(email=_new_address(), fs_uniquifier=token_hex(16))
    db.session.add(person)
    db.session.flush()
    return person


def _owner_of(workspace: Workspace) -> User:
    grace = _person()
    add_member(workspace, grace, Role.OWNER)
    db.session.commit()
    return grace


def _role(workspace: Workspace, email: str) -> str | None:
    return db.session.scalar(
        select(Membership.role).join(User).where(Membership.workspace_id == workspace.id, User.email == email)
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"bounce_span": "40"}, "bounce_span"),
        ({"bounce_stale": "10"}, "bounce_stale"),
        ({"bounce_span": "40", "bounce_stale": "31"}, "bounce_stale"),
        ({"bounce_days": "30", "bounce_stale": "20"}, "bounce_days"),
        ({"complaint_warn": "0.5"}, "complaint_warn"),
        ({"complaint_pause": "0.05"}, "complaint_pause"),
        ({"complaint_warn": "0.5", "complaint_pause": "0.4"}, "complaint_warn"),
    ],
)
def test_of_two_that_contradict_each_other_the_changed_one_is_blamed(
    as_ada: FlaskClient, workspace: Workspace, changed: dict[str, str], field: str
) -> None:
    form = {"bounce_days": "5", "bounce_span": "14", "bounce_stale": "30"}
    form |= {"complaint_warn": "0.1", "complaint_pause": "0.3", **changed}
    answer = as_ada.post(f"/w/{workspace.slug}/settings", data={**SETTINGS, **form})
    assert answer.status_code == 422
    wrong = re.findall(r'<input[^>]*aria-invalid="true"[^>]*>', answer.text)
    assert [re.findall(r'name="(\w+)"', one) for one in wrong] == [[field]]
