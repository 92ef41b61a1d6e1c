"""The same visits to a real server, where there is one: Dovecot, started by the test with a configuration of its own.

The protocol is proved by the servers of test_imap.py and test_pop3.py, which run everywhere; this is a cross-check.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.extensions import keyring
from app.tracking.mailboxes.oauth import sasl
from app.tracking.mailboxes.oauth.clients import Secrets, seal_secrets
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.mailboxes.dovecot_server import DOVECOT, PASSWORD, Dovecot, running_dovecot
from tests.tracking.mailboxes.token_server import TokenWorld, serving_tokens
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.skipif(not DOVECOT, reason="an optional cross-check: Dovecot is not installed here")


@pytest.fixture
def provider() -> TokenWorld:
    return TokenWorld()


@pytest.fixture
def token_url(provider: TokenWorld) -> Iterator[str]:
    with serving_tokens(provider) as url:
        yield url


@pytest.fixture
def dovecot(tmp_path: Path, certificate: ssl.SSLContext, token_url: str) -> Iterator[Dovecot]:
    with running_dovecot(tmp_path / "nest.pem", token_url) as server:
        yield server


@pytest.mark.parametrize(("port", "security"), [("imap", "starttls"), ("imaps", "tls")])
@pytest.mark.long
def test_imap(dovecot: Dovecot, a_mailbox: MakeMailbox, sent: Sent, port: str, security: str) -> None:
    dovecot.deliver(dsn(sent.mail_token), mail("riddle", body="Grüße, sans mot de passe\n"))
    box = a_mailbox(
        dovecot.ports[port], PASSWORD, host="localhost", security=security, done_folder="Merpati Erledigt & Gelöscht"
    )
    row = box.visit()
    assert (row.last_words, len(box.stored)) == ("", 2)
    row = box.visit_after_intake()
    assert (row.last_words, sent.now().state) == ("", "bounced")
    assert dovecot.subjects() == ["riddle"]
    [done] = [path.name for path in (dovecot.folder / "mail").iterdir() if path.name.startswith(".Merpati")]
    assert dovecot.subjects(done.removeprefix(".")) == ["Undelivered Mail Returned to Sender"]
    assert not list((dovecot.folder / "mail" / "cur").glob("*:2,*S*")), "what was only looked at is not marked as seen"


@pytest.mark.parametrize(("port", "security"), [("pop3", "starttls"), ("pop3s", "tls")])
@pytest.mark.long
def test_pop3(dovecot: Dovecot, a_mailbox: MakeMailbox, sent: Sent, port: str, security: str) -> None:
    dovecot.deliver(dsn(sent.mail_token), mail("riddle", body=f".dot\n..dots\n{'long ' * 2000}\n"))
    box = a_mailbox(dovecot.ports[port], PASSWORD, kind="pop3", host="localhost", security=security)
    box.visit()
    assert dovecot.subjects() == ["Undelivered Mail Returned to Sender", "riddle"]
    assert b"\r\n.dot\r\n..dots\r\nlong long" in box.stored[1].raw
    row = box.visit_after_intake()
    assert (row.last_words, dovecot.subjects()) == ("", ["riddle"])


@pytest.mark.parametrize(("kind", "port"), [("imap", "imaps"), ("pop3", "pop3s")])
@pytest.mark.long
def test_a_wrong_password(dovecot: Dovecot, a_mailbox: MakeMailbox, kind: str, port: str) -> None:
    box = a_mailbox(dovecot.ports[port], "wrong", kind=kind, host="localhost", security="tls")
    row = box.visit()
    assert "refuses the user name or the password" in row.last_words
    assert row.progress["refused"] is True


@pytest.mark.parametrize(("kind", "port"), [("imap", "imaps"), ("pop3", "pop3s")])
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.long
def test_by_access_token(
    dovecot: Dovecot,
    a_mailbox: MakeMailbox,
    provider: TokenWorld,
    token_url: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    port: str,
    mechanism: str,
) -> None:
    monkeypatch.setattr(sasl, "_KNOWN", (mechanism,))
    dovecot.deliver(mail("riddle"))
    box = a_mailbox(
        dovecot.ports[port],
        "",
        kind=kind,
        host="localhost",
        security="tls",
        login="other",
        oauth={"client_id": provider.client_id, "token_url": token_url},
        oauth_sealed=seal_secrets(keyring(), Secrets(provider.client_secret)),
    )
    row = box.visit()
    assert (row.last_words, len(box.stored), len(provider.asked)) == ("", 1, 1)
    provider.tokens.clear()
    row = box.visit()
    assert (row.last_words, len(provider.asked)) == ("", 2)
    provider.answers = [(200, b'{"access_token": "of-somebody-else", "expires_in": 60}')]
    box.change(access_until=None)
    row = box.visit()
    assert "does not take the access token" in row.last_words
