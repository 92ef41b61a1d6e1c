"""A worker that is told to stop ends after the batch under way; the rest waits, and nothing of it is lost."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.accounts.models import Workspace
from app.core.database import db
from app.messages.models import IncomingMail
from app.tracking import mail_intake
from app.tracking.webhooks import intake
from tests.factories.webhooks import a_webhook, signed_call
from workers.tracking import told_to_stop


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """A worker that listens to the signals."""
    found: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, _frame: found.append(number))
    yield found
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_worker_hears_the_signal_too_and_keeps_its_ears(heard: list[int]) -> None:
    mine = signal.getsignal(signal.SIGTERM)
    with told_to_stop() as told:
        assert not told.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert told.is_set()
    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is mine


def test_a_handler_that_the_worker_sets_meanwhile_stays(heard: list[int]) -> None:
    forced: list[int] = []

    def force(number: int, _frame: Any) -> None:
        forced.append(number)

    def stop(_number: int, _frame: Any) -> None:
        signal.signal(signal.SIGTERM, force)

    signal.signal(signal.SIGTERM, stop)
    with told_to_stop():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert forced == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is force


def test_mail_waits_for_the_next_worker(context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    mail_intake.take_in_mail()
    monkeypatch.setattr(mail_intake, "BATCH", 2)
    for number in range(5):
        mail = IncomingMail(
            digest=b"stop %d" % number, envelope_from="", envelope_to="x@bounces.example.com", raw=b"Subject: x"
        )
        db.session.add(mail)
    db.session.commit()
    assert mail_intake.take_in_mail(after_looks(1)) == 2
    waiting = select(IncomingMail.id).where(IncomingMail.handled_at.is_(None))
    assert len(db.session.scalars(waiting).all()) == 3
    assert mail_intake.take_in_mail() == 3


def test_events_wait_for_the_next_worker(
    workspace: Workspace, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.take_in_events()
    monkeypatch.setattr(intake, "BATCH", 2)
    hooked = a_webhook(workspace, "generic")
    call = signed_call("generic", hooked.secret, *({"type": "opened", "id": number} for number in range(5)))
    assert visitor.post(hooked.path, data=call.body, headers=call.headers).status_code == 200
    assert intake.take_in_events(after_looks(1)) == 2
    assert intake.take_in_events() == 3


def after_looks(number: int) -> Callable[[], bool]:
    """False so many times, and then True."""
    looks = iter([False] * number)
    return lambda: next(looks, True)


def test_an_error_of_sql_names_nobody(context: None) -> None:
    with pytest.raises(DBAPIError) as found:
        db.session.execute(text("SELECT CAST(:address AS text) FROM nowhere"), {"address": "ada@example.org"})
    db.session.rollback()
    assert "ada@example.org" not in str(found.value)
