"""Visits by IMAP: everything once, nothing lost, nothing touched before it is safe and understood."""

import ssl
import threading
import time

import pytest
from sqlalchemy import text

from app.core.database import db
from app.tracking.mailboxes import imap
from app.tracking.mailboxes.poll import poll
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.long


@pytest.fixture
def world() -> ImapWorld:
    return ImapWorld()


def test_a_bounce_is_stored_then_understood_then_moved(world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    bounce, riddle = dsn(sent.mail_token), mail("riddle")
    world.put(bounce, riddle)
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        row = box.visit()
        assert (row.failures, row.last_words, len(world.inbox)) == (0, "", 2)
        assert [each.raw for each in box.stored] == [bounce, riddle]
        assert [each.workspace_id for each in box.stored] == [sent.workspace.id] * 2
        box.visit_after_intake()
    assert sent.now().state == "bounced"
    assert list(world.inbox.values()) == [riddle]
    assert list(world.folders["Merpati"].values()) == [bounce]
    assert box.row.progress == {"uidvalidity": 7, "uid": 2}
    assert world.seen == set(), "what was only looked at is not marked as read"


def test_nothing_is_fetched_twice(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    world.put(mail("one"))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        box.visit()
        box.visit()
        world.put(mail("two"))
        box.visit()
    assert world.fetched == [1, 2]
    assert len(box.stored) == 2


@pytest.mark.slow
def test_a_new_uidvalidity_starts_over_without_doubles(world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    world.put(mail("one"), mail("two"), dsn(sent.mail_token))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        box.visit()
        # The server was restored from a backup: other numbers, one mail more, which the old progress would have hidden.
        mails = [*world.inbox.values(), mail("three")]
        world.era, world.folders["INBOX"] = 8, dict(enumerate(mails[::-1], 1))
        row = box.visit()
        assert row.progress["uidvalidity"] == 8
        box.visit_after_intake()
    assert [each.raw for each in box.stored] == list(world.folders["Merpati"].values()) == [dsn(sent.mail_token)]
    assert len(world.inbox) == 3
    assert len(sent.events("bounced")) == 1


def test_two_mailboxes_of_a_workspace_store_a_mail_once(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    world.put(mail("one"))
    with serving(world) as port:
        first, second = a_mailbox(port, world.password), a_mailbox(port, world.password)
        first.visit()
        second.visit()
    assert (len(first.stored), len(second.stored)) == (1, 0)


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 AUTH=PLAIN UIDPLUS", "IMAP4rev1 AUTH=PLAIN"])
def test_without_move_it_copies_and_marks(
    world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent, capabilities: str
) -> None:
    world.capabilities = capabilities
    world.put(dsn(sent.mail_token), mail("riddle"))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        box.visit()
        box.visit_after_intake()
    assert len(world.folders["Merpati"]) == 1
    # Without UIDPLUS nothing is expunged: that would take what others have marked.
    assert set(world.inbox) == ({2} if "UIDPLUS" in capabilities else {1, 2})
    assert world.deleted == {1}


def test_a_server_that_keeps_folders_below_the_inbox(world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    world.mood = "below-inbox"
    world.put(dsn(sent.mail_token))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        box.visit()
        row = box.visit_after_intake()
    assert row.failures == 0
    assert len(world.folders["INBOX.Merpati"]) == 1


def test_what_cannot_be_moved_stays_and_is_said(world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    world.put(dsn(sent.mail_token))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        box.visit()
        world.mood = "moving-fails"
        row = box.visit_after_intake()
        assert "there is no room" in row.last_words
        assert (row.failures, len(world.inbox)) == (1, 1)
        world.mood = ""
        row.checked_at = None
        db.session.commit()
        row = box.visit()
    assert (row.failures, len(world.inbox), len(world.folders["Merpati"])) == (0, 0, 1)


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("garbage", "broke off: unexpected response"),
        ("endless", "more than one visit"),
        ("huge", "9000000000"),
        ("cut", "broke off: no more came"),
        ("busy", "UNAVAILABLE"),
        ("preauth", "signed in"),
    ],
)
def test_a_server_that_behaves_badly_costs_nothing(
    world: ImapWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch, mood: str, words: str
) -> None:
    monkeypatch.setattr("app.tracking.mailboxes.bounds._EVERYTHING", 20_000_000)
    monkeypatch.setattr("app.tracking.mailboxes.imap.LONGEST_LINE", 64 * 1024)
    world.put(mail("one"))
    world.mood = mood
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        row = box.visit()
        assert row.failures == 1
        assert words in row.last_words or mood == "endless"
        assert box.stored == []
        assert not row.progress.get("refused")
        world.mood = ""
        row.checked_at = None
        db.session.commit()
        row = box.visit()
        assert (row.failures, len(box.stored), len(world.inbox)) == (0, 1, 1)


def test_a_server_that_hangs_is_left(world: ImapWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "SILENCE", 0.3)
    world.put(mail("one"))
    world.mood = "hang"
    with serving(world) as port:
        row = a_mailbox(port, world.password).visit()
        world.release.set()
    assert "stopped answering" in row.last_words


def test_a_visit_that_takes_too_long_is_cut_off(
    world: ImapWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "VISIT", 0.5)
    world.put(mail("one"))
    world.mood = "hang"
    with serving(world) as port:
        begun = time.monotonic()
        row = a_mailbox(port, world.password).visit()
        world.release.set()
    assert row.failures == 1
    assert time.monotonic() - begun < 10


@pytest.mark.slow
def test_a_mail_that_ends_every_visit_is_passed_over(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    world.put(mail("poison"), mail("harmless"))
    world.mood = "cut"
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        for _ in range(3):
            box.change(checked_at=None)
            box.visit()
        world.mood = ""
        box.change(checked_at=None)
        row = box.visit()
    assert [b"harmless" in each.raw for each in box.stored] == [True]
    assert row.progress["left"] == {"1": "unreadable"}
    assert "left in the mailbox" in row.last_words


def test_a_mail_that_is_too_large_is_left(
    world: ImapWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.tracking.mailboxes.poll.LARGEST", 5000)
    world.put(mail("large", body="x" * 6000), mail("small"))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        row = box.visit()
    assert world.fetched == [2]
    assert row.progress["left"] == {"1": "large"}
    assert row.last_words.startswith("1 mail was left in the mailbox")
    assert len(world.inbox) == 2


def test_a_wrong_password_is_tried_once(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    world.put(mail("one"))
    with serving(world) as port:
        box = a_mailbox(port, "wrong")
        row = box.visit()
        assert "no such user or password" in row.last_words
        assert row.progress["refused"] is True
        world.mood = "garbage"  # whoever asked again would hear something else
        row = box.visit()
    assert "no such user or password" in row.last_words


@pytest.mark.slow
def test_of_two_visits_at_once_one_works(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    world.put(*(mail(f"mail-{number}") for number in range(30)))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_advisory_lock(7382191, :id)"), {"id": box.id})
            box.visit()
            assert world.signed_in == 0
        from flask import current_app

        app = current_app._get_current_object()  # type: ignore[attr-defined]

        def visit() -> None:
            with app.app_context():
                poll(box.id)

        threads = [threading.Thread(target=visit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(box.stored) == 30
        assert sorted(world.fetched) == list(range(1, 31))


def test_a_mailbox_changed_meanwhile_keeps_its_own_progress(
    world: ImapWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(mail("one"))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        usual = imap.ImapDoor.fetch

        def fetch(self: imap.ImapDoor, letter: object) -> bytes | None:
            db.session.execute(
                text("UPDATE mailboxes SET username = 'other', progress = '{}' WHERE id = :id"), {"id": box.id}
            )
            db.session.commit()
            return usual(self, letter)  # type: ignore[arg-type]

        monkeypatch.setattr(imap.ImapDoor, "fetch", fetch)
        row = box.visit()
    assert (row.progress, row.username) == ({}, "other")


def test_a_server_that_knows_only_login(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    world.capabilities, world.user, world.password = "IMAP4rev1", "desk of birds", "two words"
    world.put(mail("one"))
    with serving(world) as port:
        box = a_mailbox(port, world.password, username=world.user)
        row = box.visit()
        assert (row.last_words, len(box.stored)) == ("", 1)
        row = a_mailbox(port, "wörter").visit()
    assert "only user names and passwords of ASCII" in row.last_words
    assert world.signed_in == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_encrypted(world: ImapWorld, a_mailbox: MakeMailbox, certificate: ssl.SSLContext, security: str) -> None:
    world.put(mail("one"))
    world.context = certificate
    world.capabilities += " STARTTLS"
    with serving(world, tls=certificate if security == "tls" else None) as port:
        box = a_mailbox(port, world.password, host="localhost", security=security)
        row = box.visit()
    assert (row.last_words, len(box.stored)) == ("", 1)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_for_another_name(
    world: ImapWorld, a_mailbox: MakeMailbox, certificate: ssl.SSLContext, security: str
) -> None:
    world.context = certificate
    world.capabilities += " STARTTLS"
    with serving(world, tls=certificate if security == "tls" else None) as port:
        row = a_mailbox(port, world.password, host="127.0.0.1", security=security).visit()
    assert "certificate" in row.last_words
    assert world.signed_in == 0


def test_starttls_is_demanded(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    with serving(world) as port:
        row = a_mailbox(port, world.password, security="starttls").visit()
    assert "offers no STARTTLS" in row.last_words
    assert world.signed_in == 0
