"""A worker killed outright (SIGKILL) in the middle of a visit: the next one loses nothing and does nothing twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.database import db
from app.tracking.mail_intake import take_in_mail
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import Box, MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.mailboxes.pop3_server import PopWorld, serving_pop3
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.slow

World = ImapWorld | PopWorld

_WORKER = """
import os, signal, sys
from app.core.settings import Settings
from app.factory import create_app
from app.tracking.mailboxes import imap, poll, pop3

mailbox, place = int(sys.argv[1]), sys.argv[2]
app = create_app(Settings.model_validate_json(sys.stdin.read()))

def die_at(owner, name, *, times=1):
    real, seen = getattr(owner, name), []
    def call(*args, **values):
        seen.append(1)
        answer = real(*args, **values)
        if len(seen) == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    setattr(owner, name, call)

for door in (imap.ImapDoor, pop3.Pop3Door):
    if place == "fetched":
        die_at(door, "fetch", times=3)
    elif place == "put away":
        die_at(door, "put_away")
if place == "stored":
    die_at(poll._Visit, "_take", times=3)
with app.app_context():
    poll.poll(mailbox)
"""


@pytest.mark.parametrize(("kind", "place"), [("imap", "fetched"), ("pop3", "stored")])
def test_killed_while_reading(app: Flask, a_mailbox: MakeMailbox, sent: Sent, kind: str, place: str) -> None:
    mails = [*(mail(f"riddle-{number}") for number in range(4)), dsn(sent.mail_token)]
    with _mailbox(kind, a_mailbox, *mails) as (world, box):
        _killed(app, box, place)
        assert len(_left(world)) == 5
        row = box.visit()
        assert (row.last_words, [each.raw for each in box.stored]) == ("", mails)
        box.visit_after_intake()
        assert _left(world) == mails[:4]
    assert len(sent.events("bounced")) == 1


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_killed_after_putting_away(app: Flask, a_mailbox: MakeMailbox, sent: Sent, kind: str) -> None:
    bounce, riddle = dsn(sent.mail_token), mail("riddle")
    with _mailbox(kind, a_mailbox, bounce, riddle) as (world, box):
        box.visit()
        take_in_mail()
        _killed(app, box, "put away")
        # POP3 deletes at QUIT, which a killed worker never says (RFC 1939 §6).
        assert _left(world) == ([riddle] if kind == "imap" else [bounce, riddle])
        row = box.visit()
        assert (row.last_words, _left(world), len(box.stored)) == ("", [riddle], 1)
        if isinstance(world, ImapWorld):
            assert list(world.folders["Merpati"].values()) == [bounce]
        row = box.visit()
        assert (row.last_words, row.progress.get("waiting")) == ("", None)
    assert len(sent.events("bounced")) == 1


@contextmanager
def _mailbox(kind: str, a_mailbox: MakeMailbox, *mails: bytes) -> Iterator[tuple[World, Box]]:
    world: World = ImapWorld() if kind == "imap" else PopWorld()
    world.put(*mails)
    with serving(world) if isinstance(world, ImapWorld) else serving_pop3(world) as port:
        yield world, a_mailbox(port, world.password, kind=kind)


def _killed(app: Flask, box: Box, place: str) -> None:
    """A visit by another process, which dies at the place."""
    settings = app.extensions["merpati.settings"].model_dump_json()
    done = subprocess.run(
        [sys.executable, "-c", _WORKER, str(box.id), place], input=settings, text=True, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    # The database notices a moment later that its client is gone; until then the mailbox is taken.
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(7382191, :mailbox)"), {"mailbox": box.id})


def _left(world: World) -> list[bytes]:
    return list((world.inbox if isinstance(world, ImapWorld) else world.mails).values())
