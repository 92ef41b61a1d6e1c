"""What is cross-checked with Dovecot where it is installed, with the servers of these tests, which run everywhere."""

import ssl

import pytest

from app.core.extensions import keyring
from app.tracking.mailboxes.imap import folder_name
from app.tracking.mailboxes.oauth import sasl
from app.tracking.mailboxes.oauth.clients import Secrets, seal_secrets
from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.mailboxes.pop3_server import PopWorld, serving_pop3
from tests.tracking.mailboxes.token_server import TokenWorld, serving_tokens
from tests.tracking.test_mail_intake import dsn

pytestmark = pytest.mark.long

FOLDER = "Merpati Erledigt & Gelöscht"
LARGE = mail("large", body=".a dot begins it\n" + f"{'wide ' * 15}\n" * 40_000)
"""About 3 MB, as a bounce that returns a picture."""
LONG_TOKEN = "t" * 6000
"""Longer than a line of a command may be (RFC 2449 §4): Microsoft's have some thousand signs."""


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("kind", ["imap", "pop3"])
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_by_access_token_over_tls(
    a_mailbox: MakeMailbox,
    certificate: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    security: str,
    mechanism: str,
) -> None:
    monkeypatch.setattr(sasl, "_KNOWN", (mechanism,))
    provider = TokenWorld(answers=[(200, f'{{"access_token": "{LONG_TOKEN}", "expires_in": 3600}}'.encode())])
    world = (
        ImapWorld(capabilities=f"IMAP4rev1 MOVE STARTTLS AUTH={mechanism}", server_name="localhost")
        if kind == "imap"
        else PopWorld(mechanisms=mechanism, server_name="localhost")
    )
    world.context, world.tokens = certificate, provider.tokens
    world.put(mail("riddle"))
    tls = certificate if security == "tls" else None
    at = serving(world, tls=tls) if isinstance(world, ImapWorld) else serving_pop3(world, tls=tls)
    with serving_tokens(provider) as url, at as port:
        box = a_mailbox(
            port,
            "",
            kind=kind,
            host="localhost",
            security=security,
            login="other",
            oauth={"client_id": provider.client_id, "token_url": url},
            oauth_sealed=seal_secrets(keyring(), Secrets(provider.client_secret)),
        )
        row = box.visit()
        assert "does not take the access token" in row.last_words
        assert LONG_TOKEN[:20] not in row.last_words
        provider.tokens.add(LONG_TOKEN)
        row = box.visit()
    assert (row.last_words, len(box.stored), world.signed_in, len(provider.asked)) == ("", 1, 1, 1)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_folder_with_signs_of_its_own(
    a_mailbox: MakeMailbox, sent: Sent, certificate: ssl.SSLContext, security: str
) -> None:
    world = ImapWorld(context=certificate)
    world.capabilities += " STARTTLS"
    world.put(dsn(sent.mail_token), mail("riddle", body="Grüße, sans mot de passe\n"))
    with serving(world, tls=certificate if security == "tls" else None) as port:
        box = a_mailbox(port, world.password, host="localhost", security=security, done_folder=FOLDER)
        box.visit()
        row = box.visit_after_intake()
    assert (row.last_words, sent.now().state, world.seen) == ("", "bounced", set())
    assert list(world.folders[folder_name(FOLDER).strip('"')].values()) == [dsn(sent.mail_token)]
    assert folder_name(FOLDER) == '"Merpati Erledigt &- Gel&APY-scht"'


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_large_mail_comes_whole_over_tls(a_mailbox: MakeMailbox, certificate: ssl.SSLContext, kind: str) -> None:
    world = ImapWorld() if kind == "imap" else PopWorld()
    world.put(LARGE, mail("small"))
    at = serving(world, tls=certificate) if isinstance(world, ImapWorld) else serving_pop3(world, tls=certificate)
    with at as port:
        box = a_mailbox(port, world.password, kind=kind, host="localhost", security="tls")
        row = box.visit()
    assert (row.last_words, [each.raw for each in box.stored]) == ("", [LARGE, mail("small")])


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_wrong_password_over_tls_is_tried_once(
    a_mailbox: MakeMailbox, certificate: ssl.SSLContext, kind: str
) -> None:
    world = ImapWorld() if kind == "imap" else PopWorld()
    at = serving(world, tls=certificate) if isinstance(world, ImapWorld) else serving_pop3(world, tls=certificate)
    with at as port:
        row = a_mailbox(port, "wrong", kind=kind, host="localhost", security="tls").visit()
    assert "refuses the user name or the password" in row.last_words
    assert (row.progress["refused"], world.signed_in) == (True, 0)
