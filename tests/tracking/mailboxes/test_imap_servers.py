"""What IMAP servers differ in: names and rights of folders, how much they hold, where TLS begins."""

import ssl

import pytest

from app.tracking.mailboxes import imap, poll
from app.tracking.mailboxes.poll import next_visit
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.long


@pytest.fixture
def world() -> ImapWorld:
    return ImapWorld()


def test_a_folder_that_cannot_be_made_is_said(world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent) -> None:
    world.mood = "no-new-folders"
    world.put(dsn(sent.mail_token))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        box.visit()
        row = box.visit_after_intake()
        assert "Such a folder could not be made: [NOPERM] not for you. Make it there" in row.last_words
        assert len(world.inbox) == 1
        world.folders["Merpati"] = {}
        box.change(checked_at=None)
        row = box.visit()
    assert (row.last_words, world.inbox, len(world.folders["Merpati"])) == ("", {}, 1)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("Zurück & Antworten", "Zur&APw-ck &- Antworten"),
        ("返信 一覧", "&j9RP4Q- &TgCJpw-"),
        ("😀 x", "&2D3eAA- x"),
    ],
)
def test_folders_of_any_name(world: ImapWorld, a_mailbox: MakeMailbox, sent: Sent, name: str, wire: str) -> None:
    world.folders[wire] = {1: dsn(sent.mail_token)}
    with serving(world) as port:
        box = a_mailbox(port, world.password, folder=name, done_folder=f"{name} done")
        row = box.visit()
        assert (row.last_words, len(box.stored)) == ("", 1)
        box.visit_after_intake()
    assert (world.folders[wire], list(world.folders[f"{wire} done"].values())) == ({}, [dsn(sent.mail_token)])


@pytest.mark.slow
def test_a_full_mailbox_is_read_in_visits_that_follow_at_once(
    world: ImapWorld, a_mailbox: MakeMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "MOST", 100)
    world.put(*(mail(f"mail-{number}") for number in range(220)))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        counts = []
        while not counts or next_visit(box.row) == box.row.checked_at:
            box.visit()
            counts.append(len(box.stored))
    assert counts == [100, 200, 220]
    assert sorted(world.fetched) == list(range(1, 221))


def test_tls_at_a_port_that_does_not_begin_with_it(world: ImapWorld, a_mailbox: MakeMailbox) -> None:
    with serving(world) as port:
        row = a_mailbox(port, world.password, security="tls").visit()
    assert "does not speak TLS from the start" in row.last_words


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_a_port_that_begins_with_tls(
    world: ImapWorld,
    a_mailbox: MakeMailbox,
    certificate: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    security: str,
) -> None:
    monkeypatch.setattr(imap, "SILENCE", 0.3)
    with serving(world, tls=certificate) as port:
        row = a_mailbox(port, world.password, host="localhost", security=security).visit()
    assert "takes the connection and says nothing" in row.last_words
