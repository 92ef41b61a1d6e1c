"""Signing in by access token: to a provider of tokens, then to mail servers that take them, by both protocols."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core import clock
from app.core.extensions import keyring
from app.tracking.mailboxes.account import seal
from app.tracking.mailboxes.oauth import clients, endpoint
from app.tracking.mailboxes.oauth.clients import Secrets, seal_secrets, unseal_secrets
from app.tracking.models import Mailbox
from tests.tracking.mailboxes.conftest import Box, MakeMailbox, mail
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.mailboxes.pop3_server import PopWorld, serving_pop3
from tests.tracking.mailboxes.token_server import TokenWorld, refusal, serving_tokens

pytestmark = pytest.mark.long

World = ImapWorld | PopWorld
Places = Callable[..., Any]


@pytest.fixture
def provider() -> TokenWorld:
    return TokenWorld()


@pytest.fixture
def signed_up(a_mailbox: MakeMailbox, provider: TokenWorld) -> Places:
    """A mailbox by token, its server and its provider, for a block."""

    @contextmanager
    def place(kind: str = "imap", mechanisms: str = "XOAUTH2", **values: Any) -> Iterator[tuple[World, Box]]:
        offered = " ".join(f"AUTH={name}" for name in mechanisms.split())
        world: World = (
            ImapWorld(capabilities=f"IMAP4rev1 MOVE UIDPLUS {offered}")
            if kind == "imap"
            else PopWorld(mechanisms=mechanisms)
        )
        world.tokens = provider.tokens
        world.put(mail("one"))
        at = serving(world) if kind == "imap" else serving_pop3(world)  # type: ignore[arg-type]
        with serving_tokens(provider) as url, at as port:
            yield (
                world,
                a_mailbox(
                    port,
                    "",
                    **{
                        "kind": kind,
                        "login": "other",
                        "oauth": {"client_id": provider.client_id, "token_url": url},
                        "oauth_sealed": sealed(provider),
                        **values,
                    },
                ),
            )

    return place


def sealed(provider: TokenWorld) -> bytes:
    return seal_secrets(keyring(), Secrets(provider.client_secret, provider.refresh_token))


@pytest.mark.parametrize("kind", ["imap", "pop3"])
@pytest.mark.parametrize("mechanisms", ["XOAUTH2", "OAUTHBEARER", "PLAIN XOAUTH2 OAUTHBEARER"])
def test_a_mailbox_is_read_with_a_token_that_serves_again(
    signed_up: Places, provider: TokenWorld, kind: str, mechanisms: str
) -> None:
    with signed_up(kind, mechanisms) as (world, box):
        row = box.visit()
        assert (row.last_words, len(box.stored), world.signed_in) == ("", 1, 1)
        row = box.visit()
    assert (row.last_words, world.signed_in, len(provider.asked)) == ("", 2, 1)
    assert provider.asked[0] == {
        "grant_type": "client_credentials",
        "client_id": "merpati",
        "client_secret": provider.client_secret,
    }
    assert b"access-1" not in (row.access_sealed or b"")


def test_a_token_is_asked_for_anew_shortly_before_its_end(signed_up: Places, provider: TokenWorld) -> None:
    with signed_up() as (_, box):
        for left, asked in ((timedelta(minutes=5), 1), (timedelta(minutes=1), 3)):
            provider.seconds = "3599"
            box.change(access_until=None)
            row = box.visit()
            assert row.access_until is not None
            assert timedelta(0) <= clock.now() + timedelta(seconds=3599) - row.access_until < timedelta(minutes=1)
            box.change(access_until=clock.now() + left)
            box.visit()
            assert len(provider.asked) == asked, left


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_token_taken_back_is_replaced_once(signed_up: Places, provider: TokenWorld, kind: str) -> None:
    with signed_up(kind) as (world, box):
        box.visit()
        provider.tokens.clear()
        row = box.visit()
        assert (row.last_words, world.signed_in, len(provider.asked)) == ("", 2, 2)


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_new_token_that_is_refused_is_said_and_tried_later(
    signed_up: Places, provider: TokenWorld, kind: str
) -> None:
    with signed_up(kind) as (world, box):
        world.tokens = set()
        row = box.visit()
        assert "does not take the access token for bounces@example.com" in row.last_words
        assert "access-1" not in row.last_words
        assert (row.failures, len(provider.asked), row.progress.get("refused")) == (1, 1, None)
        world.tokens = provider.tokens
        row = box.visit()
    assert (row.failures, row.last_words, len(box.stored)) == (0, "", 1)


def test_a_busy_server_keeps_its_token(signed_up: Places, provider: TokenWorld) -> None:
    with signed_up() as (world, box):
        world.mood = "busy"
        row = box.visit()
        assert "UNAVAILABLE" in row.last_words
        world.mood = ""
        row = box.visit()
    assert (row.last_words, len(provider.asked)) == ("", 1)


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_server_without_oauth_gets_no_token(signed_up: Places, kind: str) -> None:
    with signed_up(kind, "PLAIN") as (world, box):
        row = box.visit()
    assert "offers no login by OAuth 2.0" in row.last_words
    assert world.signed_in == 0


def test_a_refresh_token_that_is_replaced_is_kept(signed_up: Places, provider: TokenWorld) -> None:
    provider.refresh_token, provider.rotates, provider.seconds = "refresh-0", True, 60
    with signed_up() as (_, box):
        for number in (1, 2):
            row = box.visit()
            assert row.last_words == ""
            assert unseal_secrets(keyring(), row.oauth_sealed) == (provider.client_secret, f"refresh-{number}")
    assert [each["refresh_token"] for each in provider.asked] == ["refresh-0", "refresh-1"]


def test_what_was_entered_meanwhile_stays(
    signed_up: Places, provider: TokenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.refresh_token, provider.rotates = "refresh-0", True
    entered = Secrets("entered", "meanwhile")
    with signed_up() as (_, box):

        def ask(*args: Any, **values: Any) -> endpoint.Grant:
            grant = endpoint.ask_for_token(*args, **values)
            box.change(oauth_sealed=seal_secrets(keyring(), entered), password_sealed=seal(keyring(), ""))
            return grant

        monkeypatch.setattr("app.tracking.mailboxes.oauth.access.ask_for_token", ask)
        row = box.visit()
    assert unseal_secrets(keyring(), row.oauth_sealed) == entered
    assert (row.access_sealed, row.failures) == (None, 0)


def test_a_provider_that_takes_the_secret_by_header_only(signed_up: Places, provider: TokenWorld) -> None:
    provider.only_basic = True
    with signed_up() as (_, box):
        assert box.visit().last_words == ""
    assert ["client_secret" in form for form in provider.asked] == [True, False]


@pytest.mark.parametrize(
    ("answer", "words", "refused"),
    [
        (refusal("invalid_client", "AADSTS7000222: the secret has run out."), "a secret may have run out", True),
        (refusal("invalid_grant", "Token has been expired or revoked."), "enter the new refresh token", True),
        (refusal("invalid_scope", "no such scope"), "Correct the scope", True),
        (refusal("invalid_request", "AADSTS90002: Tenant not found"), "Tenant not found. Correct what", True),
        (refusal("temporarily_unavailable", "busy", 503), "tried again later", None),
        (refusal("slow_down", "too many", 429), "tried again later", None),
        ((500, b"<h1>Sorry</h1>"), "status 500", None),
        ((404, b"<h1>Not here</h1>"), "Correct the token URL", None),
        ((200, b"[]"), "does not answer as", None),
        ((200, b'{"access_token": ""}'), "does not answer as", None),
        ((200, b'{"access_token": "two\\r\\nlines"}'), "does not answer as", None),
        ((200, b"[" * 100_000), "does not answer as", None),
        ((200, b"x" * 200_000), "more than any access token has", None),
    ],
    ids=lambda value: None if isinstance(value, tuple) else str(value)[:20],
)
def test_what_a_provider_says_is_passed_on(
    signed_up: Places, provider: TokenWorld, answer: tuple[int, bytes], words: str, refused: bool | None
) -> None:
    provider.answers = [answer, answer]
    with signed_up() as (world, box):
        row = box.visit()
        assert words in row.last_words
        assert (row.failures, row.progress.get("refused"), world.signed_in) == (1, refused, 0)


def test_a_secret_that_a_provider_repeats_is_not_shown(signed_up: Places, provider: TokenWorld) -> None:
    provider.answers = [refusal("invalid_client", f"“{provider.client_secret}”\nis wrong")] * 2
    with signed_up() as (_, box):
        row = box.visit()
    assert "gives no access token: invalid_client. Correct the client ID" in row.last_words
    assert "s3cret" not in row.last_words


@pytest.mark.parametrize(("mood", "limit"), [("hang", "SILENCE"), ("hang", "WHOLE"), ("drip", "WHOLE")])
def test_a_provider_that_is_slow_is_left(
    signed_up: Places, provider: TokenWorld, monkeypatch: pytest.MonkeyPatch, mood: str, limit: str
) -> None:
    monkeypatch.setattr(endpoint, limit, 0.3)
    provider.mood = mood
    with signed_up() as (_, box):
        row = box.visit()
    assert "asked for an access token" in row.last_words
    assert row.failures == 1


def test_secrets_do_not_follow_a_redirect(signed_up: Places, provider: TokenWorld) -> None:
    provider.mood = "redirect"
    with signed_up() as (_, box):
        row = box.visit()
    assert "status 307" in row.last_words
    assert len(provider.asked) == 1


def test_an_internal_provider_is_not_asked_unless_allowed(
    app: Flask, signed_up: Places, provider: TokenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.extensions["merpati.settings"].model_copy(update={"internal_hosts": False})
    monkeypatch.setitem(app.extensions, "merpati.settings", settings)
    with signed_up() as (_, box):
        row = box.visit()
    assert "inside a private network" in row.last_words
    assert provider.asked == []


def test_a_provider_is_asked_by_tls_that_is_verified(
    a_mailbox: MakeMailbox, provider: TokenWorld, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = ImapWorld(capabilities="IMAP4rev1 AUTH=XOAUTH2", tokens=provider.tokens)
    with serving_tokens(provider, tls=certificate) as url, serving(world) as port:
        oauth = {"client_id": provider.client_id, "token_url": url}
        box = a_mailbox(port, "", login="other", oauth=oauth, oauth_sealed=sealed(provider))
        assert box.visit().last_words == ""
        box.change(oauth={**oauth, "token_url": url.replace("localhost", "127.0.0.1")}, access_until=None)
        row = box.visit()
        assert "certificate of 127.0.0.1 is not valid" in row.last_words
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("login", "kind", "asked"),
    [
        ("microsoft_app", "imap", {"scope": "https://outlook.office365.com/.default"}),
        ("microsoft", "imap", {"scope": "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"}),
        ("microsoft", "pop3", {"scope": "https://outlook.office.com/POP.AccessAsUser.All offline_access"}),
        ("google", "imap", {}),
    ],
)
def test_the_large_providers(
    signed_up: Places,
    provider: TokenWorld,
    monkeypatch: pytest.MonkeyPatch,
    login: str,
    kind: str,
    asked: dict[str, str],
) -> None:
    provider.refresh_token = "" if login == "microsoft_app" else "refresh-0"
    with signed_up(kind, login=login) as (_, box):
        monkeypatch.setattr(clients, "GOOGLE", box.row.oauth["token_url"])
        monkeypatch.setattr(clients, "MICROSOFT", box.row.oauth["token_url"] + "/{tenant}/v2.0")
        row = box.visit()
    assert (row.last_words, len(box.stored)) == ("", 1)
    [form] = provider.asked
    assert {name: form[name] for name in form if name == "scope"} == asked


def test_their_addresses() -> None:
    row = Mailbox(login="microsoft_app", kind="imap", oauth={"client_id": "c", "tenant": "example.com"})
    row.oauth_sealed = None
    assert clients._token_url(row) == "https://login.microsoftonline.com/example.com/oauth2/v2.0/token"
    row.login, row.oauth = "microsoft", {"client_id": "c"}
    assert clients._token_url(row) == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
    row.login = "google"
    assert clients._token_url(row) == "https://oauth2.googleapis.com/token"


def test_secrets_of_a_lost_key_are_said(signed_up: Places, provider: TokenWorld) -> None:
    with signed_up(oauth_sealed=bytes([255]) + b"x" * 60) as (_, box):
        row = box.visit()
    assert "Enter it again" in row.last_words
    assert row.progress["refused"] is True
    assert provider.asked == []


def test_secrets_are_in_no_printed_value(provider: TokenWorld) -> None:
    client = clients.Client("https://login.example.com", "id", Secrets("one", "two"))
    grant = endpoint.Grant("three", 60, "four")
    assert not any(word in repr((client, grant)) for word in ("one", "two", "three", "four"))
