"""A mail in a mailbox whose header nobody can read: the visit goes on, and the mail is kept."""

from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from app.core.database import db
from app.core.extensions import queue
from app.messages.models import IncomingMail
from app.tracking.mail_intake import take_in_mail
from app.tracking.mailboxes import storing
from app.tracking.mailboxes.storing import store_mail
from app.tracking.readings import Readings
from app.tracking.set_aside import NOTE, UNREAD
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import Box, MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.long

DEADLY = mail("deadly")


@pytest.fixture
def upset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whoever reads the deadly mail never comes back: the job's time runs out over it, which counts as a death."""
    _reading_it_raises(monkeypatch, JobTimeoutException)
    return monkeypatch


def test_the_third_death_sets_it_aside_and_the_mailbox_goes_on(
    a_mailbox: MakeMailbox, sent: Sent, upset: pytest.MonkeyPatch
) -> None:
    world, bounce = ImapWorld(), dsn(sent.mail_token)
    world.put(mail("first"), DEADLY, bounce)
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        for _death in range(3):
            with pytest.raises(JobTimeoutException):
                box.visit()
            assert box.row.failures == 0
        row = box.visit()
        assert (row.failures, row.last_words) == (0, "")
        assert [each.raw for each in _stored(box, sent)] == [mail("first"), DEADLY, bounce]
        box.visit_after_intake()
    assert sent.now().state == "bounced"
    [deadly] = [each for each in _stored(box, sent) if each.raw == DEADLY]
    assert (deadly.kind, deadly.note) == (UNREAD, NOTE)
    assert DEADLY in world.inbox.values(), "what was not understood stays where it is"
    assert queue().keys(f"merpati:reading:mailbox:{box.id}:*") == []


def test_two_deaths_are_forgiven(a_mailbox: MakeMailbox, sent: Sent, upset: pytest.MonkeyPatch) -> None:
    box = a_mailbox(1, "secret")
    for _death in range(2):
        with pytest.raises(JobTimeoutException):
            store_mail(sent.workspace.id, box.id, DEADLY)
    upset.undo()
    store_mail(sent.workspace.id, box.id, DEADLY)
    db.session.commit()
    assert [(each.envelope_to, each.handled_at) for each in _stored(box, sent)] == [("bounces@example.com", None)]


def test_what_another_mailbox_brought_and_somebody_read_is_not_set_aside(
    a_mailbox: MakeMailbox, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = a_mailbox(1, "secret"), a_mailbox(2, "secret")
    deadly = dsn("a" * 26).replace(b"Subject: Undelivered", b"Subject: deadly")
    number = store_mail(sent.workspace.id, first.id, deadly)
    db.session.commit()
    take_in_mail()
    _reading_it_raises(monkeypatch, JobTimeoutException)
    for _death in range(3):
        with pytest.raises(JobTimeoutException):
            store_mail(sent.workspace.id, second.id, deadly)
    assert store_mail(sent.workspace.id, second.id, deadly) == number
    assert db.session.get_one(IncomingMail, number).kind != UNREAD


def test_a_header_that_upsets_us_costs_its_envelope_only(
    a_mailbox: MakeMailbox, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    _reading_it_raises(monkeypatch, ValueError)
    world = ImapWorld()
    world.put(DEADLY, mail("next"))
    with serving(world) as port:
        box = a_mailbox(port, world.password)
        assert box.visit().failures == 0
    assert [each.envelope_to for each in _stored(box, sent)] == ["", "bounces@example.com"]
    assert Readings(queue(), f"mailbox:{box.id}").deaths([1]) == {}


def _reading_it_raises(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    read = storing.read_parts

    def reads(raw: bytes, **named: Any) -> Any:
        if b"Subject: deadly" in raw:
            raise kind
        return read(raw, **named)

    monkeypatch.setattr(storing, "read_parts", reads)


def _stored(box: Box, sent: Sent) -> list[IncomingMail]:
    """Of this workspace only: other tests make up mails of mailboxes."""
    return [each for each in box.stored if each.workspace_id == sent.workspace.id]
