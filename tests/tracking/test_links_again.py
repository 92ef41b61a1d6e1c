"""The link of a mail, opened once more after something was decided: it says what holds, and how to change it."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience.erasure import erase
from app.audience.suppressions import suppress
from app.core import clock
from app.core.database import db, in_workspace
from tests.factories.messages import Sent, sent_message

GETS = re.compile(r"You get .+ at a…@example\.org")


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def test_who_left_a_list_is_told_so_and_can_come_back(visitor: FlaskClient, sent: Sent) -> None:
    assert GETS.search(visitor.get(f"/u/{sent.token}").text)
    visitor.post(f"/u/{sent.token}", data={"scope": "list"})
    page = visitor.get(f"/u/{sent.token}").text
    assert "You are unsubscribed already" in page
    assert f"does not get {sent.mailing_list.name}" in page
    assert not GETS.search(page)
    assert f"/p/{sent.token}" in page
    assert f'action="/u/{sent.token}/undo"' in page
    assert 'value="everything"' in page, "who left one list may still leave the rest"
    visitor.post(f"/u/{sent.token}/undo", data={"scope": "list"})
    assert GETS.search(visitor.get(f"/u/{sent.token}").text)


def test_who_left_everything_is_told_so_on_both_pages(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": "everything"})
    page = visitor.get(f"/u/{sent.token}").text
    assert "You are unsubscribed already" in page
    assert f"gets nothing from {sent.workspace.name}" in page
    assert re.search(r'undo">\s*<input type="hidden" name="scope" value="everything"', page)
    assert "unsubscribed from everything" in visitor.get(f"/p/{sent.token}").text
    visitor.post(f"/u/{sent.token}/undo", data={"scope": "everything"})
    assert GETS.search(visitor.get(f"/u/{sent.token}").text)
    assert "unsubscribed from everything" not in visitor.get(f"/p/{sent.token}").text


def test_who_left_by_the_preferences_is_told_so(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/p/{sent.token}", data={"shown": sent.mailing_list.id, "first_name": "Ada", "last_name": ""})
    assert "You are unsubscribed already" in visitor.get(f"/u/{sent.token}").text


def test_no_undo_is_offered_when_it_would_be_refused(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": "list"})
    with clock.moved(timedelta(days=31)):
        page = visitor.get(f"/u/{sent.token}").text
    assert "You are unsubscribed already" in page
    assert "/undo" not in page
    assert f"/p/{sent.token}" in page


@pytest.mark.parametrize("reason", ["bounced", "complained", "manual"])
def test_a_stopped_address_is_not_said_to_get_anything(visitor: FlaskClient, sent: Sent, reason: str) -> None:
    with in_workspace(sent.workspace.id):
        suppress(sent.person, reason)
        db.session.commit()
    page = visitor.get(f"/u/{sent.token}").text
    assert "At present no mail is sent to this address" in page
    assert not GETS.search(page)
    assert 'name="scope"' in page, "the stop may be lifted one day: they can still leave"


def test_an_erased_person_is_not_said_to_get_anything(visitor: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        erase(sent.person)
        db.session.commit()
    page = visitor.get(f"/u/{sent.token}").text
    assert "You are unsubscribed already" in page
    assert "/undo" not in page
