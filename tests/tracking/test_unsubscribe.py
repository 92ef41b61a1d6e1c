"""Leaving by a mail's link: the page, the provider's one click, the way back. RFC 8058."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.audience.lists import archive_list, create_list
from app.audience.models import ConsentEvent
from app.audience.subscriptions import subscribe
from app.audience.suppressions import is_suppressed
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.tokens import Keyring, Purpose
from app.messages.models import Event
from tests.factories.messages import Sent, sent_message

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


@pytest.fixture
def provider(app: Flask, context: None) -> FlaskClient:
    """A mailbox provider: no cookies, and the application guards forms as it does in earnest."""
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        yield app.test_client(use_cookies=False)
    finally:
        app.config["WTF_CSRF_ENABLED"] = False


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_click_acts_at_once(provider: FlaskClient, sent: Sent, encoding: str) -> None:
    answer = provider.post(f"/u/{sent.token}", data=ONE_CLICK, content_type=encoding)

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Location" not in answer.headers
    assert sent.state_on() == "unsubscribed"
    assert sent.consent()[-1] == ("withdrawn", "one-click")
    (event,) = sent.events("unsubscribed")
    assert (event.label, event.data["scope"]) == ("human", "list")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"", None), (b"List-Unsubscribe=One-Click", "text/plain"), (b"--x\r\nbroken", "multipart/form-data; boundary=y")],
)
def test_one_click_acts_whatever_the_body(
    provider: FlaskClient, sent: Sent, body: bytes, content_type: str | None
) -> None:
    assert provider.post(f"/u/{sent.token}", data=body, content_type=content_type).status_code == 200
    assert sent.state_on() == "unsubscribed"


def test_asking_again_is_one_event(provider: FlaskClient, sent: Sent) -> None:
    for _ in range(3):
        assert provider.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    assert len(sent.events("unsubscribed")) == 1
    assert sent.consent().count(("withdrawn", "one-click")) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("room", ["u", "p", "v"])
def test_looking_changes_nothing(visitor: FlaskClient, sent: Sent, method: str, room: str) -> None:
    before = (sent.state_on(), sent.consent(), len(sent.events()))
    answer = visitor.open(f"/{room}/{sent.token}", method=method)
    assert answer.status_code == 200
    assert (sent.state_on(), sent.consent(), len(sent.events())) == before


def test_the_page_names_the_list_and_hides_the_address(visitor: FlaskClient, sent: Sent) -> None:
    page = visitor.get(f"/u/{sent.token}").text
    assert sent.mailing_list.name in page
    assert sent.workspace.name in page
    assert "a…@example.org" in page
    assert "ada@example.org" not in page
    assert "<script" not in page


def test_the_button_leaves_everything_when_told_so(visitor: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        other = create_list("Offers")
        subscribe(sent.person, other, source="import")
        db.session.commit()

    visitor.post(f"/u/{sent.token}", data={"scope": "everything"})

    assert (sent.state_on(), sent.state_on(other)) == ("unsubscribed", "unsubscribed")
    with in_workspace(sent.workspace.id):
        assert is_suppressed(sent.person, reasons={"unsubscribed"})
    assert sent.consent()[-1] == ("withdrawn", "page")


def test_the_button_leaves_only_the_list_by_default(visitor: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        other = create_list("Offers")
        subscribe(sent.person, other, source="import")
        db.session.commit()
    visitor.post(f"/u/{sent.token}", data={"scope": "list"})
    assert (sent.state_on(), sent.state_on(other)) == ("unsubscribed", "confirmed")


def test_it_works_for_years_and_after_the_campaign_is_archived(provider: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        db.session.get_one(Campaign, sent.campaign.id).archived_at = clock.now()
        archive_list(sent.mailing_list)
        db.session.commit()
    with clock.moved(timedelta(days=3 * 365)):
        assert provider.get(f"/u/{sent.token}").status_code == 200
        assert provider.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    assert sent.state_on() == "unsubscribed"


def test_a_deleted_list_leaves_everything_as_the_one_way_out(provider: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        db.session.delete(sent.mailing_list)
        db.session.commit()
    assert provider.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    with in_workspace(sent.workspace.id):
        assert is_suppressed(sent.person)


def _forged(token: str) -> str:
    return token[:-2] + ("AA" if token[-2:] != "AA" else "QQ")


def _foreign(_token: str) -> str:
    return Keyring("the secret key of quite another installation").sign(Purpose.MESSAGE, 1)


def _of_another_purpose(_token: str) -> str:
    return Keyring("a secret for tests only, long enough to be taken").sign(Purpose.SUBSCRIBER, 1)


@pytest.mark.parametrize(
    "damage", [_forged, _foreign, _of_another_purpose, lambda token: token[:-3], lambda _token: "x", lambda _token: "ä"]
)
@pytest.mark.parametrize("path", ["u", "p", "v"])
def test_a_token_of_others_gets_a_clear_no(
    visitor: FlaskClient, sent: Sent, damage: Callable[[str], str], path: str
) -> None:
    for method in ("GET", "POST") if path != "v" else ("GET",):
        answer = visitor.open(f"/{path}/{damage(sent.token)}", method=method, data=ONE_CLICK)
        assert answer.status_code == 404
        assert "copy the whole address" in answer.text
    assert sent.state_on() == "confirmed"


def test_a_message_that_is_gone_gets_a_clear_no(visitor: FlaskClient, sent: Sent, app: Flask) -> None:
    token = app.extensions["merpati.keyring"].sign(Purpose.MESSAGE, sent.message.id + 10_000_000)
    answer = visitor.post(f"/u/{token}", data=ONE_CLICK)
    assert answer.status_code == 404
    assert "Nothing was changed" in answer.text


@pytest.mark.parametrize("path", ["u", "p", "v"])
def test_a_test_mail_explains_itself(visitor: FlaskClient, app: Flask, context: None, path: str) -> None:
    token = app.extensions["merpati.keyring"].sign(Purpose.MESSAGE, 0)
    for method in ("GET", "POST") if path != "v" else ("GET",):
        answer = visitor.open(f"/{path}/{token}", method=method, data=ONE_CLICK)
        assert answer.status_code == 200
        assert "test mail" in answer.text
    with every_workspace():
        assert db.session.scalar(select(func.count()).where(Event.message_id == 0)) == 0


@pytest.mark.parametrize("scope", ["list", "everything"])
def test_undo_brings_back_what_was(visitor: FlaskClient, sent: Sent, scope: str) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": scope})
    answer = visitor.post(f"/u/{sent.token}/undo", data={"scope": scope})

    assert answer.status_code == 200
    assert sent.state_on() == "confirmed"
    with in_workspace(sent.workspace.id):
        assert not is_suppressed(sent.person)
    assert [event.kind for event in sent.events()] == ["unsubscribed", "resubscribed"]
    assert sent.consent()[-1] == ("restored", "page")


def test_leaving_undoing_and_leaving_again_are_three_facts(visitor: FlaskClient, sent: Sent) -> None:
    for path in ("", "/undo", "", ""):
        visitor.post(f"/u/{sent.token}{path}", data={"scope": "list"})
    assert [event.kind for event in sent.events()] == ["unsubscribed", "resubscribed", "unsubscribed"]
    assert sent.state_on() == "unsubscribed"


def test_undo_ends_after_a_month(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": "list"})
    with clock.moved(timedelta(days=31)):
        answer = visitor.post(f"/u/{sent.token}/undo", data={"scope": "list"})
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    assert f"/f/{sent.mailing_list.public_id}" in answer.text
    assert sent.state_on() == "unsubscribed"


def test_undo_without_anything_to_undo(visitor: FlaskClient, sent: Sent) -> None:
    assert visitor.post(f"/u/{sent.token}/undo", data={"scope": "list"}).status_code == 409
    assert sent.events() == []


def test_a_reason_stands_beside_the_fact(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": "list"})
    visitor.post(f"/u/{sent.token}/reason", data={"reason": "too-many", "words": " Twice a day\0! "})
    (event,) = sent.events("unsubscribed")
    assert (event.data["reason"], event.data["words"]) == ("too-many", "Twice a day!")


def test_a_reason_without_leaving_is_not_kept(visitor: FlaskClient, sent: Sent) -> None:
    assert visitor.post(f"/u/{sent.token}/reason", data={"reason": "too-many"}).status_code == 200
    assert sent.events() == []


def test_consent_keeps_where_and_with_what(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": "list"}, headers={"User-Agent": "Nest/1.0"})
    with in_workspace(sent.workspace.id):
        row = db.session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc()).limit(1)).one()
    assert (row.ip, row.user_agent, row.evidence["message"]) == ("127.0.0.1", "Nest/1.0", sent.message.id)
