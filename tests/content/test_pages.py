"""The gallery: starters, own templates, previews, and who may change them."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User, Workspace
from app.accounts.setup import create_workspace
from app.content.models import Template
from app.content.preview import check_source
from app.content.templates import BLANK, create_template, find_template
from app.core.database import db, in_workspace
from app.rendering.starters import list_starters
from tests.conftest import sign_in


@pytest.fixture
def as_eve(app: Flask, eve: User) -> FlaskClient:
    return sign_in(app, eve)


@pytest.fixture
def room(scope: Workspace) -> str:
    return f"/w/{scope.slug}/templates"


@pytest.fixture
def template(scope: Workspace) -> Template:
    made = create_template("House style")
    db.session.commit()
    return made


def test_the_blank_page_and_every_starter_have_no_problem(scope: Workspace) -> None:
    for source in (BLANK, *(starter.mjml for starter in list_starters())):
        assert check_source(source, known_fields=[]) == []


def test_the_gallery_shows_starters_and_own_templates(as_eve: FlaskClient, room: str, template: Template) -> None:
    answer = as_eve.get(f"{room}/")
    assert "House style" in answer.text
    for starter in list_starters():
        assert starter.name in answer.text
        frame = as_eve.get(f"{room}/starters/{starter.slug}/frame")
        assert frame.status_code == 200
        assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert as_eve.get(f"{room}/starters/nothing/frame").status_code == 404


def test_a_template_is_made_of_a_starter_or_from_scratch(as_eve: FlaskClient, room: str) -> None:
    slug = list_starters()[0].slug
    assert "&lt;mjml" in as_eve.post(f"{room}/starters/{slug}/copy", follow_redirects=True).text
    assert as_eve.get(f"{room}/new").status_code == 200
    made = as_eve.post(f"{room}/new", data={"name": "Mine", "description": "For doves"}, follow_redirects=True)
    assert "For doves" in made.text
    assert as_eve.post(f"{room}/new", data={"name": " ", "description": "kept"}).status_code == 422


def test_a_template_is_saved_previewed_copied_and_archived(as_eve: FlaskClient, room: str, template: Template) -> None:
    data = {"name": "House style", "description": "", "source": BLANK.replace("Write here.", "Coo.")}
    assert as_eve.post(f"{room}/{template.id}", data=data).status_code == 302
    assert "Coo." in as_eve.get(f"{room}/{template.id}/frame").text
    refused = as_eve.post(f"{room}/{template.id}", data={**data, "name": ""})
    assert refused.status_code == 422
    assert "Coo." in refused.text
    assert "House style (copy)" in as_eve.post(f"{room}/{template.id}/duplicate", follow_redirects=True).text
    assert as_eve.post(f"{room}/{template.id}/archive").status_code == 302
    assert "House style" in as_eve.get(f"{room}/?tab=archived").text
    assert as_eve.post(f"{room}/{template.id}/unarchive").status_code == 302
    assert find_template(template.id).archived_at is None


def test_typing_is_checked_and_previewed_without_being_saved(
    as_eve: FlaskClient, room: str, template: Template
) -> None:
    typed = BLANK.replace("Write here.", "Typed just now.")
    answer = as_eve.post(f"{room}/{template.id}/check", data={"source": typed}).get_json()
    assert answer["ok"]
    assert "Typed just now." in as_eve.get(answer["html_url"]).text
    assert "Typed just now." not in as_eve.get(f"{room}/{template.id}/frame").text
    wrong = as_eve.post(f"{room}/{template.id}/check", data={"source": "<mjml><mj-body><mj-oops>"}).get_json()
    assert not wrong["ok"]
    assert wrong["errors"][0]["line"] == 1


@pytest.mark.parametrize("path", ["", "/check", "/duplicate", "/archive", "/unarchive"])
def test_a_viewer_looks_but_changes_nothing(as_vic: FlaskClient, room: str, template: Template, path: str) -> None:
    assert as_vic.get(f"{room}/").status_code == 200
    assert "Your role is viewer" in as_vic.get(f"{room}/{template.id}").text
    answer = as_vic.post(f"{room}/{template.id}{path}", data={"name": "Hacked"})
    assert answer.status_code == 403
    assert "this needs editor" in answer.text


def test_templates_of_other_workspaces_do_not_exist(as_eve: FlaskClient, scope: Workspace, room: str) -> None:
    other = create_workspace("Elsewhere")
    with in_workspace(other.id):
        theirs = create_template("Secret")
        db.session.commit()
    for address in (f"{room}/{theirs.id}", f"{room}/{theirs.id}/frame", f"/w/{other.slug}/templates/"):
        assert as_eve.get(address).status_code == 404
    assert as_eve.post(f"{room}/{theirs.id}/archive").status_code == 404
