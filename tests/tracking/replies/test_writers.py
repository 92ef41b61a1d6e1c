"""Whose reply it is: only the person's own says anything about them; the others go on all the same."""

import pytest
from flask.testing import FlaskClient

from app.accounts.models import User
from app.core.database import db, in_workspace
from app.messages.models import IncomingMail
from app.tracking import mail_intake
from app.tracking.replies.writers import NOTE, is_by_the_person
from tests.factories.messages import Sent
from tests.tracking.acting.world import bounce, points, tell
from tests.tracking.replies.test_forwarding import Desk, parsed
from tests.tracking.replies.test_forwarding import desk as desk

COLLEAGUE = "Bea <bea@aviary.example.com>"


@pytest.mark.parametrize(
    ("writer", "is_theirs"),
    [
        ("ada@example.org", True),
        ("Ada@Example.ORG", True),
        ("ada+birds@example.org", True),
        ("ada@home.example.net", True),
        ("ada+work@home.example.net", True),
        ("adam@example.org", False),
        ("bea@example.org", False),
        ("bea@aviary.example.com", False),
        ("ada@aviary.example.com", False),
        ("ada@elsewhere.example.com", False),
        ("", False),
        ("@example.org", False),
    ],
)
def test_whose_address_it_is(sent: Sent, writer: str, is_theirs: bool) -> None:
    """The workspace sends from aviary.example.com, this campaign from elsewhere.example.com."""
    with in_workspace(sent.workspace.id):
        sent.campaign.from_email = "letters@elsewhere.example.com"
        db.session.flush()
        assert is_by_the_person(writer, sent.message) == is_theirs


def test_a_member_is_never_taken_for_the_person(sent: Sent, ada: User) -> None:
    name = ada.email.partition("@")[0]
    with in_workspace(sent.workspace.id):
        sent.message.address = f"{name}@example.org"
        assert not is_by_the_person(ada.email, sent.message)
        assert is_by_the_person(f"{name}@home.example.net", sent.message)
        sent.message.address = ada.email
        assert is_by_the_person(ada.email, sent.message), "unless the message went to them"


def test_a_name_that_every_house_has_is_nobodys(sent: Sent) -> None:
    sent.message.address = "info@example.org"
    assert not is_by_the_person("info@home.example.net", sent.message)
    assert is_by_the_person("info@example.org", sent.message)


@pytest.mark.parametrize("alone", [False, True])
def test_a_colleagues_mail_goes_on_and_says_nothing_of_the_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    if alone:
        monkeypatch.setattr(mail_intake, "take_in_together", lambda numbers: list(numbers))
    number = desk.hears("I know her, she moved away.\n", sender=COLLEAGUE)
    mail = db.session.get_one(IncomingMail, number, populate_existing=True)
    assert (mail.kind, mail.note, mail.facts["by_other"]) == ("reply", NOTE, True)
    assert [event.kind for event in desk.sent.events()] == []
    [forward] = desk.outbox
    text = next(parsed(forward).iter_parts()).get_content()
    assert "bea@aviary.example.com answered" in text
    assert "went to somebody else, ada@example.org" in text


def test_the_persons_own_reply_is_recorded(desk: Desk) -> None:
    number = desk.hears(sender="Ada <ada+news@example.org>")
    assert [event.kind for event in desk.sent.events()] == ["replied"]
    assert "by_other" not in db.session.get_one(IncomingMail, number).facts
    assert "somebody else" not in next(parsed(desk.outbox[0]).iter_parts()).get_content()


@pytest.mark.parametrize(("writer", "left"), [(COLLEAGUE, 1), ("Ada <ada@example.org>", 0)])
def test_points_are_forgotten_for_the_persons_own_words_only(desk: Desk, writer: str, left: int) -> None:
    tell(desk.sent, bounce("mailboxfull"))
    desk.hears(sender=writer)
    assert len(points(desk.sent)) == left


def test_the_pages_name_it(desk: Desk, as_ada: FlaskClient) -> None:
    number = desk.hears("Please remove me from your list.\n", sender=COLLEAGUE)
    path = f"/w/{desk.sent.workspace.slug}/incoming"
    assert "Reply by somebody else" in as_ada.get(path).text
    page = as_ada.get(f"{path}/{number}").text
    assert "Reply by somebody else" in page
    assert "Unsubscribe ada@example.org" in page
    assert "A reply by somebody else than the person it went to" in page
    text = next(parsed(desk.outbox[0]).iter_parts()).get_content()
    link = next(line for line in text.splitlines() if "/replies/" in line).removeprefix("http://localhost")
    asked = as_ada.get(link).text
    assert "Unsubscribe the person it went to?" in asked
    assert "Somebody else answered a mail" in asked
