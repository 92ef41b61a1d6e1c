"""No part of a secret is shown, however a server writes it down."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble
from app.tracking.mailboxes.oauth import endpoint
from app.tracking.mailboxes.oauth.clients import Client, Secrets
from app.tracking.mailboxes.refusal import refused
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.mailboxes.token_server import TokenWorld, serving_tokens

WINDOW = 8
NAME = "cid"
SECRET, REFRESH, TOKEN = "s3cr3t/+&= p@ss~Wörd", "r3fr3sh/+&= t~Kenn%2F", "eyJhbGciOi.T0K+EN/xyz=="


def _small(encode: Callable[[str], str]) -> Callable[[str], str]:
    def written(text: str) -> str:
        first, *rest = encode(text).split("%")
        return first + "".join("%" + part[:2].lower() + part[2:] for part in rest)

    return written


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "small quote": _small(quote),
    "small quote_plus": _small(quote_plus),
    "base64": _base64,
    "urlsafe base64": lambda text: urlsafe_b64encode(text.encode()).decode(),
    "Basic": lambda text: _base64(f"{NAME}:{text}"),
    "Basic, encoded": lambda text: _base64(f"{NAME}:{quote_plus(text)}"),
    "base64 of a body": lambda text: _base64(f"grant_type=refresh_token&refresh_token={text}")[52:],
    "base64 behind an octet": lambda text: _base64(f"={text}")[2:],
    "base64 behind two": lambda text: _base64(f": {text}")[3:],
    "JSON": lambda text: json.dumps(text)[1:-1],
    "HTML": html.escape,
    "hexadecimal": lambda text: text.encode().hex(),
}
"""How a server may write what it was sent."""

secrets = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_characters="\x7f"), min_size=8).filter(
    lambda text: len(text.strip()) >= WINDOW and len(set(text)) >= 5
)


def windows(form: str) -> set[str]:
    return {form[at : at + WINDOW] for at in range(len(form) - WINDOW + 1)}


def seen(shown: str, form: str) -> set[str]:
    """The windows of a form that stand in a text, if its blanks are taken out as well."""
    squeezed = "".join(shown.split())
    found = {part for part in windows(form) if part in shown} | windows("".join(form.split())) & windows(squeezed)
    return {part for part in found if len(set(part)) > 2}


def said(client: Client, error: str, description: str) -> str:
    body = json.dumps({"error": error, "error_description": description}).encode()
    with pytest.raises(MailboxTrouble) as raised:
        endpoint._read(client, "login.example.com", 400, body)
    return str(raised.value)


@given(secrets, secrets, st.sampled_from(sorted(FORMS)), st.data())
def test_no_part_of_a_secret_comes_out_of_a_provider(secret: str, refresh: str, form: str, data: st.DataObject) -> None:
    client = Client("https://login.example.com/t", NAME, Secrets(secret, refresh))
    which = secret if form.startswith("Basic") else data.draw(st.sampled_from([secret, refresh]))
    whole = FORMS[form](which)
    start = data.draw(st.integers(0, max(len(whole) - WINDOW, 0)))
    piece = whole[start : data.draw(st.integers(start + WINDOW, max(len(whole), start + WINDOW)))]
    width = data.draw(st.integers(1, len(piece)))
    between = data.draw(st.sampled_from(["", " ", "\n", "\r\n ", "\u200b", "\t"]))
    written = between.join(piece[at : at + width] for at in range(0, len(piece), width))
    at_the_code = data.draw(st.booleans())
    shown = said(client, written if at_the_code else "invalid_client", "You sent " + written + ", which is wrong.")
    assert not seen(shown, piece), shown


@pytest.mark.parametrize("form", FORMS)
def test_each_form_through_the_front_door_is_on_no_page_and_in_no_log(
    as_ada: FlaskClient, workspace: Workspace, caplog: pytest.LogCaptureFixture, capfd: Any, form: str
) -> None:
    provider, write = TokenWorld(), FORMS[form]

    def answer(asked: dict[str, str], _basic: str) -> tuple[int, bytes]:
        told = " and ".join(write(asked.get(name, "")) for name in ("client_secret", "refresh_token"))
        return 400, json.dumps({"error": "invalid_client", "error_description": f"you sent {told}"}).encode()

    provider.answer = answer  # type: ignore[method-assign]
    with serving_tokens(provider) as url:
        shown = as_ada.post(f"/w/{workspace.slug}/settings/incoming/new", data=filled(url, 1))
    assert (shown.status_code, "gives no access token: invalid_client." in shown.text) == (422, True)
    out = html.unescape(shown.text) + shown.text + caplog.text + "".join(capfd.readouterr())
    for secret in (SECRET, REFRESH):
        assert not seen(out, write(secret))


def test_an_access_token_that_a_mail_server_repeats_is_not_shown(as_ada: FlaskClient, workspace: Workspace) -> None:
    world = ImapWorld(capabilities="IMAP4rev1 AUTH=XOAUTH2")
    provider = TokenWorld(client_id=NAME, client_secret=SECRET, refresh_token=REFRESH)
    with serving_tokens(provider) as url, serving(world) as port:
        shown = as_ada.post(f"/w/{workspace.slug}/settings/incoming/new", data=filled(url, port)).text
    assert "does not take the access token" in shown
    for form, write in FORMS.items():
        account = MailboxAccount("imap", "imap.example.com", 993, "tls", "ada", "hunter2-hunter", token="")
        by_password = str(refused(account, f"[AUTHENTICATIONFAILED] not {write('hunter2-hunter')}"))
        assert not seen(by_password, write("hunter2-hunter")), form
        account = MailboxAccount("imap", "imap.example.com", 993, "tls", "ada", "", token=TOKEN)
        by_token = str(refused(account, f"not {write(TOKEN)}"))
        assert not seen(by_token, write(TOKEN)), form


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("invalid_client", "AADSTS7000222: The keys of app 'merpati' are expired.", "AADSTS7000222: The keys of app"),
        ("invalid_grant", "Token has been expired or revoked.", "invalid_grant – Token has been expired or revoked."),
        ("something_new", "", "gives no access token: something_new."),
        ("no\u00efve", "", "it does not say why"),
        ("x" * 65, "", "it does not say why"),
        ("", "nothing", "does not answer as a server of access tokens does"),
    ],
)
def test_what_repeats_no_secret_is_shown(error: str, description: str, words: str) -> None:
    client = Client("https://login.example.com/t", "merpati", Secrets(SECRET, REFRESH))
    assert words in said(client, error, description)


def filled(url: str, port: int) -> dict[str, Any]:
    return {
        "login": "other",
        "kind": "imap",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": "bounces@example.com",
        "token_url": url,
        "client_id": NAME,
        "client_secret": SECRET,
        "refresh_token": REFRESH,
        "folder": "INBOX",
        "every_minutes": 5,
    }


def test_the_forms_are_what_was_sent() -> None:
    """The tests would prove nothing if the form were written otherwise."""
    sent = endpoint._form(Client("https://login.example.com/t", NAME, Secrets(SECRET, REFRESH))).decode()
    assert quote_plus(SECRET) in sent
    assert dict(parse_qsl(sent))["refresh_token"] == REFRESH
