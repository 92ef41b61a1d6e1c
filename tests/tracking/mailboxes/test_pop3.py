"""Visits by POP3: mails stay on the server until they are understood, and only those go."""

import ssl

import pytest
from sqlalchemy import update

from app.core import clock
from app.core.database import db
from app.messages.models import IncomingMail
from app.tracking.mailboxes import pop3
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.mailboxes.pop3_server import PopWorld, serving_pop3
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.long


@pytest.fixture
def world() -> PopWorld:
    return PopWorld()


def test_a_bounce_is_deleted_once_it_is_understood(world: PopWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    bounce, riddle = dsn(sent.mail_token), mail("riddle", body=f".starts with a dot\n{'long ' * 2000}\n")
    world.put(riddle, bounce)
    with serving_pop3(world) as port:
        box = a_mailbox(port, world.password, kind="pop3")
        row = box.visit()
        assert (row.last_words, len(world.mails)) == ("", 2)
        assert [each.raw for each in box.stored] == [riddle, bounce]
        box.visit_after_intake()
        assert list(world.mails.values()) == [riddle]
        row = box.visit()
    assert (len(row.progress["uidls"]), row.progress.get("waiting")) == (1, None)
    assert len(world.fetched) == 2
    assert sent.now().state == "bounced"


def test_a_person_s_reply_is_deleted_only_after_it_went_on(world: PopWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    world.put(mail("an answer", to=f"b+{sent.mail_token}@bounces.example.com"))
    with serving_pop3(world) as port:
        box = a_mailbox(port, world.password, kind="pop3")
        box.visit()
        box.visit_after_intake()
        assert [each.kind for each in box.stored] == ["reply"]
        assert len(world.mails) == 1
        db.session.execute(update(IncomingMail).values(forwarded_at=clock.now()))
        db.session.commit()
        box.visit()
    assert world.mails == {}


def test_what_quit_did_not_delete_is_deleted_at_the_next_visit(
    world: PopWorld, a_mailbox: MakeMailbox, sent: Sent
) -> None:
    world.put(dsn(sent.mail_token))
    with serving_pop3(world) as port:
        box = a_mailbox(port, world.password, kind="pop3")
        box.visit()
        world.mood = "no-quit"
        row = box.visit_after_intake()
        assert (row.failures, len(world.mails)) == (1, 1)
        world.mood = ""
        box.change(checked_at=None)
        row = box.visit()
    assert (row.failures, world.mails, len(world.fetched)) == (0, {}, 1)


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("garbage", "says"),
        ("cut", "closed by the server"),
        ("endless", "announced"),
        ("busy", "IN-USE"),
        ("no-uidl", "what is that"),
    ],
)
def test_a_server_that_behaves_badly_costs_nothing(
    world: PopWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch, mood: str, words: str
) -> None:
    monkeypatch.setattr("app.tracking.mailboxes.bounds.LARGEST", 1_000_000)
    world.put(mail("one"))
    world.mood = mood
    with serving_pop3(world) as port:
        box = a_mailbox(port, world.password, kind="pop3")
        row = box.visit()
        assert row.failures == 1
        assert words in row.last_words
        assert box.stored == []
        world.mood = ""
        box.change(checked_at=None)
        row = box.visit()
    assert (row.failures, len(box.stored), len(world.mails)) == (0, 1, 1)


def test_a_server_that_hangs_is_left(world: PopWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pop3, "SILENCE", 0.3)
    world.put(mail("one"))
    world.mood = "hang"
    with serving_pop3(world) as port:
        row = a_mailbox(port, world.password, kind="pop3").visit()
        world.release.set()
    assert "stopped answering" in row.last_words


def test_a_wrong_password_is_tried_once(world: PopWorld, a_mailbox: MakeMailbox) -> None:
    with serving_pop3(world) as port:
        box = a_mailbox(port, "wrong", kind="pop3")
        box.visit()
        box.change(checked_at=None)
        world.password = "wrong"
        row = box.visit()
    assert world.signed_in == 0
    assert "no such user or password" in row.last_words


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted(world: PopWorld, a_mailbox: MakeMailbox, certificate: ssl.SSLContext, security: str) -> None:
    world.put(mail("one"))
    world.context = certificate
    with serving_pop3(world, tls=certificate if security == "tls" else None) as port:
        box = a_mailbox(port, world.password, kind="pop3", host="localhost", security=security)
        row = box.visit()
    assert (row.last_words, len(box.stored)) == ("", 1)


def test_stls_is_demanded(world: PopWorld, a_mailbox: MakeMailbox) -> None:
    with serving_pop3(world) as port:
        row = a_mailbox(port, world.password, kind="pop3", security="starttls").visit()
    assert "offers no STLS" in row.last_words
    assert world.signed_in == 0
