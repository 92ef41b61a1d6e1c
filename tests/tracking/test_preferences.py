"""What a person chooses to get, from the page behind a mail's link."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.lists import archive_list, create_list
from app.audience.models import MailingList
from app.audience.subscriptions import subscribe
from app.audience.suppressions import is_suppressed, suppress
from app.core.database import db, in_workspace
from tests.factories.messages import Sent, sent_message


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def a_list(sent: Sent, name: str, *, is_public: bool = True, on_it: str = "") -> MailingList:
    with in_workspace(sent.workspace.id):
        made = create_list(name, is_public=is_public)
        if on_it:
            subscribe(sent.person, made, on_it, source="form")
        db.session.commit()
        return made


def form_of(sent: Sent, *lists: MailingList, **fields: Any) -> dict[str, Any]:
    """What the page would send with these boxes ticked."""
    ticked = [mailing_list.id for mailing_list in lists]
    return {"list": ticked, "first_name": "Ada", "last_name": "", **fields}


def test_boxes_for_open_lists_and_for_those_one_is_on(visitor: FlaskClient, sent: Sent) -> None:
    a_list(sent, "Open offers")
    a_list(sent, "Secret circle", is_public=False)
    a_list(sent, "Inner circle", is_public=False, on_it="confirmed")
    with in_workspace(sent.workspace.id):
        archive_list(create_list("Old times"))
        db.session.commit()

    page = visitor.get(f"/p/{sent.token}").text

    assert "Open offers" in page
    assert "Inner circle" in page
    assert "Secret circle" not in page
    assert "Old times" not in page
    ticked = re.findall(r'name="list" value="(\d+)" checked', page)
    assert len(ticked) == 2
    assert "ada@example.org" not in page
    assert "<script" not in page


def test_saving_says_what_changed_and_takes_it_back(visitor: FlaskClient, sent: Sent) -> None:
    offers = a_list(sent, "Offers")
    shown = [sent.mailing_list.id, offers.id]

    page = visitor.post(f"/p/{sent.token}", data=form_of(sent, offers, shown=shown)).text

    assert f"you no longer get {sent.mailing_list.name}" in page
    assert "you now get Offers" in page
    assert (sent.state_on(), sent.state_on(offers)) == ("unsubscribed", "confirmed")
    assert sent.consent()[-2:] in (
        [("withdrawn", "preferences"), ("confirmed", "preferences")],
        [("confirmed", "preferences"), ("withdrawn", "preferences")],
    )
    assert [event.kind for event in sent.events()] == ["unsubscribed"]

    page = visitor.post(f"/p/{sent.token}", data=undo_in(page)).text

    assert (sent.state_on(), sent.state_on(offers)) == ("confirmed", "unsubscribed")
    assert [event.kind for event in sent.events()] == ["unsubscribed", "resubscribed"]


def undo_in(page: str) -> dict[str, Any]:
    """What the Undo button of the page would send."""
    form = next(part for part in page.split("<form")[1:] if 'name="undo"' in part).partition("</form>")[0]
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return fields


def test_undo_gives_a_waiting_subscription_back_as_waiting(visitor: FlaskClient, sent: Sent) -> None:
    offers = a_list(sent, "Offers", on_it="pending")
    shown = [sent.mailing_list.id, offers.id]
    page = visitor.post(f"/p/{sent.token}", data=form_of(sent, sent.mailing_list, shown=shown)).text
    assert sent.state_on(offers) == "unsubscribed"
    visitor.post(f"/p/{sent.token}", data=undo_in(page))
    assert sent.state_on(offers) == "pending"


def test_saving_what_was_shown_changes_nothing(visitor: FlaskClient, sent: Sent) -> None:
    offers = a_list(sent, "Offers", on_it="pending")
    before = sent.consent()
    shown = [sent.mailing_list.id, offers.id]
    page = visitor.post(f"/p/{sent.token}", data=form_of(sent, sent.mailing_list, offers, shown=shown)).text
    assert "nothing changed" in page
    assert sent.consent() == before
    assert sent.state_on(offers) == "pending"


def test_a_list_that_had_no_box_stays_as_it_is(visitor: FlaskClient, sent: Sent) -> None:
    offers = a_list(sent, "Offers", on_it="confirmed")
    visitor.post(f"/p/{sent.token}", data=form_of(sent, sent.mailing_list, shown=[sent.mailing_list.id]))
    assert sent.state_on(offers) == "confirmed"


def test_a_hidden_list_cannot_be_joined_by_its_number(visitor: FlaskClient, sent: Sent) -> None:
    secret = a_list(sent, "Secret circle", is_public=False)
    data = form_of(sent, sent.mailing_list, secret, shown=[sent.mailing_list.id, secret.id])
    assert "Secret circle" not in visitor.post(f"/p/{sent.token}", data=data).text
    assert sent.state_on(secret) is None


def test_everything_is_one_button_with_a_way_back(visitor: FlaskClient, sent: Sent) -> None:
    offers = a_list(sent, "Offers", on_it="confirmed")
    page = visitor.post(f"/p/{sent.token}", data=form_of(sent, all="1")).text
    assert "Undo" in page
    assert (sent.state_on(), sent.state_on(offers)) == ("unsubscribed", "unsubscribed")
    with in_workspace(sent.workspace.id):
        assert is_suppressed(sent.person)
    visitor.post(f"/u/{sent.token}/undo", data={"scope": "everything"})
    assert (sent.state_on(), sent.state_on(offers)) == ("confirmed", "confirmed")


def test_a_tick_brings_back_who_left_everything(visitor: FlaskClient, sent: Sent) -> None:
    visitor.post(f"/u/{sent.token}", data={"scope": "everything"})
    visitor.post(f"/p/{sent.token}", data=form_of(sent, sent.mailing_list, shown=[sent.mailing_list.id]))
    assert sent.state_on() == "confirmed"
    with in_workspace(sent.workspace.id):
        assert not is_suppressed(sent.person)


def test_the_name_is_kept_as_written(visitor: FlaskClient, sent: Sent) -> None:
    data = form_of(sent, sent.mailing_list, shown=[sent.mailing_list.id], first_name="Grace", last_name="Hopper")
    assert "your name is Grace Hopper" in visitor.post(f"/p/{sent.token}", data=data).text
    db.session.refresh(sent.person)
    assert sent.person.name == "Grace Hopper"


def test_a_name_too_long_is_said_and_nothing_is_lost(visitor: FlaskClient, sent: Sent) -> None:
    data = form_of(sent, shown=[sent.mailing_list.id], first_name="x" * 201)
    answer = visitor.post(f"/p/{sent.token}", data=data)
    assert answer.status_code == 422
    assert "x" * 201 in answer.text
    assert sent.state_on() == "confirmed"


def test_no_recording_is_consent_withdrawn(visitor: FlaskClient, sent: Sent) -> None:
    data = form_of(sent, sent.mailing_list, shown=[sent.mailing_list.id], no_tracking="1")
    page = visitor.post(f"/p/{sent.token}", data=data).text
    assert "not recorded any more" in page
    db.session.refresh(sent.person)
    assert sent.person.tracking is False
    assert sent.consent()[-1] == ("tracking-off", "preferences")

    visitor.post(f"/p/{sent.token}", data=undo_in(page))
    db.session.refresh(sent.person)
    assert sent.person.tracking is True
    assert sent.consent()[-1] == ("tracking-on", "preferences")


def test_who_is_stopped_is_told(visitor: FlaskClient, sent: Sent) -> None:
    with in_workspace(sent.workspace.id):
        suppress(sent.person, "manual")
        db.session.commit()
    assert "no mail is sent to this address" in visitor.get(f"/p/{sent.token}").text


def test_another_workspace_shows_nothing_of_itself(visitor: FlaskClient, sent: Sent) -> None:
    from app.accounts.setup import create_workspace

    other = create_workspace("Other aviary")
    db.session.flush()
    with in_workspace(other.id):
        foreign = create_list("Foreign list")
    db.session.commit()
    data = form_of(sent, sent.mailing_list, foreign, shown=[sent.mailing_list.id, foreign.id])
    assert "Foreign list" not in visitor.post(f"/p/{sent.token}", data=data).text
    assert sent.state_on(foreign) is None
    with in_workspace(sent.workspace.id):
        assert db.session.scalar(select(MailingList.id).where(MailingList.id == foreign.id)) is None
