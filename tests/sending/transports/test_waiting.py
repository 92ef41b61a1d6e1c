"""A trial or a test mail waits for its mail server, but not for long, and not beside another."""

import time

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.errors import TemporaryFailure
from app.core.extensions import keyring, settings
from app.core.outside import waiting_outside
from app.mail.wire import WireMail
from app.sending import simple, views
from app.sending.simple import send_by
from app.sending.transports import account_of, row_of
from tests.sending.servers import Server, Wire, running
from tests.sending.transports import ways

SOON = 3.0
"""Seconds; without an end of its own each of these takes ten times as long."""
MAIL = WireMail("news@example.com", "ann@example.com", needs_smtputf8=False, data=b"Subject: x\r\n\r\nx\r\n")


class SlowGreeting(Server):
    def greet(self, wire: Wire) -> None:
        time.sleep(5)
        super().greet(wire)


class SlowAnswers(Server):
    """One letter of its answer at a time."""

    def rcpt(self, wire: Wire, line: bytes) -> None:
        for _ in range(50):
            wire.say(b"250-2.1.5 still")
            time.sleep(0.1)
        super().rcpt(wire, line)


class SlowAfterTheDot(Server):
    def body(self, wire: Wire, raw: bytes) -> None:
        time.sleep(5)
        super().body(wire, raw)


def page(workspace: Workspace, end: str = "") -> str:
    return f"/w/{workspace.slug}/settings/sending{end}"


@pytest.mark.parametrize(
    ("server", "is_in_doubt"), [(SlowGreeting, False), (SlowAnswers, False), (SlowAfterTheDot, True)]
)
def test_a_trial_ends_in_time(
    as_ada: FlaskClient,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    server: type[Server],
    is_in_doubt: bool,
) -> None:
    monkeypatch.setattr(views, "WAIT", 0.6)
    with running(server()) as slow:
        number = ways.add(workspace, slow)
        began = time.monotonic()
        answer = as_ada.post(page(workspace, f"/{number}/trial"), data={"to": "ann@example.com"})
        took = time.monotonic() - began
    assert (answer.status_code, took < SOON) == (422, True), took
    assert ("It is not known whether the mail was taken." in answer.text) is is_in_doubt


def test_a_trial_beside_another_is_told_at_once_and_nobody_blamed(as_ada: FlaskClient, workspace: Workspace) -> None:
    def told(end: str) -> None:
        with in_workspace(workspace.id), waiting_outside(10):
            answer = as_ada.post(page(workspace, end), data={"to": "ann@example.com"})
        assert (answer.status_code, 'value="ann@example.com"' in answer.text) == (429, True)
        assert "Another check is under way. Nothing was changed by this one" in answer.text

    told("/trial")
    with running(Server()) as server:
        number = ways.add(workspace, server)
        told(f"/{number}/trial")
        row = ways.row(number)
        assert (row.failures, row.last_words, server.connections) == (0, "", 0)


def test_nothing_is_handed_over_when_time_is_up(workspace: Workspace) -> None:
    with running(Server()) as server:
        number = ways.add(workspace, server)
        with in_workspace(workspace.id):
            account = account_of(settings(), keyring(), row_of(ways.row(number)))
            with pytest.raises(TemporaryFailure, match="not handed over"):
                send_by(account, MAIL, until=time.monotonic() - 1)
            db.session.rollback()
        assert server.connections == 0
    assert simple.WAIT <= 30
