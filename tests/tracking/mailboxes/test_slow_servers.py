"""Whoever tries a sign-in waits for servers, but not for long, and everybody else's pages do not wait at all."""

import html
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import User, Workspace
from app.core.database import db, in_workspace
from app.core.outside import waiting_outside
from app.tracking.mailboxes import guard, views
from app.tracking.models import Mailbox
from tests.conftest import sign_in
from tests.tracking.mailboxes.token_server import TokenWorld, serving_tokens

SOON = 2.5
"""Seconds; without an end of its own each of these takes ten times as long."""

Talk = Callable[[socket.socket], None]


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/settings/incoming"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "WHOLE", 0.6)


def form(port: int, **values: Any) -> dict[str, Any]:
    return {
        "kind": "imap",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": "ada@example.com",
        "password": "a pass-word",
        "folder": "Bounces",
        "every_minutes": 7,
        **values,
    }


def by_token(url: str) -> dict[str, Any]:
    return form(9, login="other", token_url=url, client_id="merpati", client_secret="of-the-client")


@contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """A server that talks to each caller in its way."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_quietly, args=(talk, line), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _quietly(talk: Talk, line: socket.socket) -> None:
    with closing(line):
        try:
            talk(line)
        except OSError:
            return


def drip_tls(line: socket.socket) -> None:
    """The head of the longest record of a handshake, and then a letter at a time."""
    line.recv(4096)
    line.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03")
    drip(line)


def starttls_imap(line: socket.socket) -> None:
    line.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] here\r\n")
    while asked := line.recv(4096):
        tag, _, command = asked.partition(b" ")
        if command.startswith(b"CAPABILITY"):
            line.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n")
        line.sendall(tag + b" OK done\r\n")
        if command.startswith(b"STARTTLS"):
            drip_tls(line)


def starttls_pop3(line: socket.socket) -> None:
    line.sendall(b"+OK here\r\n")
    line.recv(4096)
    line.sendall(b"+OK begin\r\n")
    drip_tls(line)


def drip(line: socket.socket) -> None:
    for _ in range(200):
        line.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("talk", "values"),
    [
        (drip, {}),
        (drip, {"kind": "pop3"}),
        (drip_tls, {"security": "tls", "host": "localhost"}),
        (starttls_imap, {"security": "starttls"}),
        (starttls_pop3, {"security": "starttls", "kind": "pop3"}),
    ],
)
@pytest.mark.usefixtures("short")
def test_a_mail_server_that_drips_is_left(as_ada: FlaskClient, path: str, talk: Talk, values: dict[str, str]) -> None:
    began = time.monotonic()
    with talking(talk) as port:
        answer = as_ada.post(f"{path}/new", data=form(port, **values))
    assert time.monotonic() - began < SOON
    assert (answer.status_code, "It took longer than 10 seconds" in answer.text) == (422, True)


@pytest.mark.parametrize("mood", ["drip", "hang"])
@pytest.mark.usefixtures("short")
def test_a_provider_that_drips_is_left(as_ada: FlaskClient, path: str, mood: str) -> None:
    began, provider = time.monotonic(), TokenWorld(mood=mood)
    with serving_tokens(provider) as url:
        answer = as_ada.post(f"{path}/new", data=by_token(url))
        took = time.monotonic() - began
    assert took < SOON
    assert (answer.status_code, "It took longer than 10 seconds" in answer.text) == (422, True)


@pytest.mark.usefixtures("short")
def test_a_name_that_dns_keeps_to_itself_is_left(
    as_ada: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = threading.Event()
    monkeypatch.setattr(guard.socket, "getaddrinfo", lambda *_given, **_more: ends.wait(20) and [])
    began = time.monotonic()
    answer = as_ada.post(f"{path}/new", data=form(143, host="slow.example.com"))
    took = time.monotonic() - began
    ends.set()
    assert (took < SOON, answer.status_code) == (True, 422)


def test_who_comes_while_another_waits_is_told_at_once(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    with in_workspace(workspace.id), waiting_outside(10):
        began = time.monotonic()
        answer = as_ada.post(f"{path}/new", data=form(9))
    shown = html.unescape(answer.text)
    assert (answer.status_code, time.monotonic() - began < 1) == (429, True)
    assert "Another check is under way. Nothing was changed by this one; try again in a few seconds." in shown
    for kept in ('value="ada@example.com"', 'value="Bounces"', 'value="127.0.0.1"', 'value="7"', 'name="anyway"'):
        assert kept in shown
    with in_workspace(workspace.id):
        assert db.session.scalars(select(Mailbox)).all() == []


def test_to_save_anyway_waits_for_nobody(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    with in_workspace(workspace.id), waiting_outside(10):
        assert as_ada.post(f"{path}/new", data=form(9, anyway="1")).status_code == 302


def test_many_saves_at_once_leave_the_threads_to_others(
    app: Flask, ada: User, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an owner with a script would: one waits, the others hear so at once."""
    monkeypatch.setattr(views, "WHOLE", 1.5)
    came = list[tuple[int, float]]()
    browsers = [sign_in(app, ada) for _ in range(6)]
    with serving_tokens(TokenWorld(mood="hang")) as url:

        def save(browser: FlaskClient) -> None:
            began = time.monotonic()
            status = browser.post(f"{path}/new", data=by_token(url)).status_code
            came.append((status, time.monotonic() - began))

        threads = [threading.Thread(target=save, args=[each]) for each in browsers]
        for each in threads:
            each.start()
        for each in threads:
            each.join(20)
    assert sorted(status for status, _took in came) == [422, *[429] * 5]
    assert max(took for _status, took in came) < 1.5 + SOON
