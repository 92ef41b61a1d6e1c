"""Mailboxes of a workspace, on servers of loopback."""

import datetime
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.messages.models import IncomingMail
from app.tracking.mail_intake import take_in_mail
from app.tracking.mailboxes.account import seal
from app.tracking.models import Mailbox
from tests.sending.test_certificates import YEAR, issue, trust

MakeMailbox = Callable[..., "Box"]


class Box:
    """A mailbox and what a test asks of it."""

    def __init__(self, mailbox: Mailbox, workspace: Workspace) -> None:
        self.id, self._workspace_id = mailbox.id, workspace.id

    def visit(self) -> Mailbox:
        """What the worker's job does."""
        from app.tracking.mailboxes.poll import poll

        poll(self.id)
        return self.row

    def visit_after_intake(self) -> Mailbox:
        take_in_mail()
        return self.visit()

    def change(self, **values: Any) -> None:
        row = self.row
        for name, value in values.items():
            setattr(row, name, value)
        db.session.commit()

    @property
    def row(self) -> Mailbox:
        db.session.rollback()
        with in_workspace(self._workspace_id):
            return db.session.scalars(
                select(Mailbox).where(Mailbox.id == self.id).execution_options(populate_existing=True)
            ).one()

    @property
    def stored(self) -> list[IncomingMail]:
        query = select(IncomingMail).where(IncomingMail.source == f"mailbox:{self.id}").order_by(IncomingMail.id)
        return list(db.session.scalars(query.execution_options(populate_existing=True)))


@pytest.fixture(autouse=True)
def internal_hosts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests are on loopback."""
    settings = app.extensions["merpati.settings"].model_copy(update={"internal_hosts": True})
    monkeypatch.setitem(app.extensions, "merpati.settings", settings)


@pytest.fixture
def a_mailbox(workspace: Workspace) -> MakeMailbox:
    def make(port: int, password: str, **values: Any) -> Box:
        with in_workspace(workspace.id):
            fields = {
                "kind": "imap",
                "host": "127.0.0.1",
                "port": port,
                "security": "none",
                "username": "bounces@example.com",
                "password_sealed": seal(keyring(), password),
                **values,
            }
            mailbox = Mailbox(**fields)
            db.session.add(mailbox)
            db.session.commit()
            return Box(mailbox, workspace)

    return make


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context for `localhost`, by an authority that is trusted within the test."""
    now = clock.now()
    path = issue(tmp_path, ["localhost"], since=now - datetime.timedelta(days=1), until=now + YEAR)
    trust(monkeypatch, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def mail(subject: str, *, to: str = "bounces@example.com", body: str = "Hello.\n") -> bytes:
    """Something that nobody here can make sense of."""
    text = (
        f"From: Somebody <someone@example.org>\nTo: {to}\nSubject: {subject}\nMessage-ID: <{subject}@example.org>\n\n"
    )
    return (text + body).replace("\n", "\r\n").encode()
