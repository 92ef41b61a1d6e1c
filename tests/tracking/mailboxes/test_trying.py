"""Saving a mailbox tries the sign-in first: what does not work is said and not saved, unless somebody insists."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.tracking.mailboxes import trying
from app.tracking.mailboxes.account import unseal
from app.tracking.mailboxes.oauth.clients import unseal_secrets
from app.tracking.models import Mailbox
from tests.tracking.mailboxes.imap_server import ImapWorld, serving
from tests.tracking.mailboxes.pop3_server import PopWorld, serving_pop3
from tests.tracking.mailboxes.token_server import TokenWorld, serving_tokens
from tests.tracking.test_mail_intake import dsn

REFUSED = "The sign-in did not work, so nothing was saved"
INSIST = 'name="anyway"'


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/settings/incoming"


@pytest.fixture
def world() -> ImapWorld:
    found = ImapWorld()
    found.put(dsn("a" * 26))
    return found


@pytest.fixture
def port(world: ImapWorld) -> Iterator[int]:
    with serving(world) as number:
        yield number


def form(world: ImapWorld | PopWorld, port: int, **values: Any) -> dict[str, Any]:
    return {
        "kind": "imap",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": world.user,
        "password": world.password,
        "folder": "INBOX",
        "done_folder": "Merpati",
        "every_minutes": 5,
        **values,
    }


def saved(workspace: Workspace) -> list[Mailbox]:
    db.session.expire_all()
    with in_workspace(workspace.id):
        return list(db.session.scalars(select(Mailbox).order_by(Mailbox.id)))


def test_what_works_is_saved_and_nothing_is_read_yet(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld, port: int
) -> None:
    assert as_ada.post(f"{path}/new", data=form(world, port)).status_code == 302
    [mailbox] = saved(workspace)
    assert (world.signed_in, world.fetched, mailbox.is_enabled) == (1, [], True)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "not-this-one"}, "refuses the user name or the password"),
        ({"folder": "Bounces"}, "“Bounces” cannot be opened"),
        ({"security": "tls"}, "does not speak TLS from the start"),
        ({"security": "starttls"}, "offers no STARTTLS"),
        ({"host": "nowhere.invalid"}, "There is no server called nowhere.invalid. Correct its name."),
        ({"host": "169.254.169.254"}, "never asked from here, whatever is set"),
    ],
)
def test_what_does_not_work_is_said_and_not_saved(
    as_ada: FlaskClient,
    workspace: Workspace,
    path: str,
    world: ImapWorld,
    port: int,
    wrong: dict[str, str],
    words: str,
) -> None:
    answer = as_ada.post(f"{path}/new", data=form(world, port, **wrong))
    shown = answer.text.replace("&#39;", "'")
    assert (answer.status_code, REFUSED in shown, INSIST in shown) == (422, True, True)
    assert words in shown
    for raw in ("not-this-one", "a pass", "Errno", "_ssl", "..", "tried again later", "not asked again", "INTERNAL_HO"):
        assert raw not in shown.partition("notice-bad")[2].partition("</div>")[0].replace("...", ""), raw
    assert 'value="bounces@example.com"' in shown
    assert saved(workspace) == []


def test_a_closed_port_is_said_in_plain_words(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = as_ada.post(f"{path}/new", data=form(world, unused.getsockname()[1]))
    assert "takes no connections. Correct the port" in answer.text
    assert ("Errno" in answer.text, saved(workspace)) == (False, [])


def test_a_server_that_says_nothing_is_not_waited_for_long(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "WITHIN", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        answer = as_ada.post(f"{path}/new", data=form(world, silent.getsockname()[1]))
    assert "takes the connection and says nothing" in answer.text
    assert saved(workspace) == []


def test_who_insists_saves_it(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld, port: int
) -> None:
    given = form(world, port, password="not-this-one", anyway="1")
    assert as_ada.post(f"{path}/new", data=given).status_code == 302
    [mailbox] = saved(workspace)
    assert (unseal(keyring(), mailbox.password_sealed), world.signed_in) == ("not-this-one", 0)


def test_a_change_that_does_not_work_leaves_all_as_it_was(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld, port: int
) -> None:
    as_ada.post(f"{path}/new", data=form(world, port))
    [mailbox] = saved(workspace)
    mailbox.progress, number = {"uid": 9, "uidvalidity": 7}, mailbox.id
    db.session.commit()
    answer = as_ada.post(f"{path}/{number}", data=form(world, port, folder="Bounces", password=""))
    assert (answer.status_code, INSIST in answer.text) == (422, True)
    [mailbox] = saved(workspace)
    assert (mailbox.folder, mailbox.progress) == ("INBOX", {"uid": 9, "uidvalidity": 7})
    answer = as_ada.post(f"{path}/{number}", data=form(world, port, password="", every_minutes=9))
    assert (answer.status_code, saved(workspace)[0].every_minutes, world.signed_in) == (302, 9, 3)


def test_the_same_mailbox_is_not_added_twice(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld, port: int
) -> None:
    as_ada.post(f"{path}/new", data=form(world, port))
    answer = as_ada.post(f"{path}/new", data=form(world, port, anyway="1"))
    assert (answer.status_code, "in the list already" in answer.text) == (422, True)
    world.folders["Bounces"] = {}
    assert as_ada.post(f"{path}/new", data=form(world, port, folder="Bounces")).status_code == 302
    listed = as_ada.get(path).text
    for words in ("folder INBOX", "folder Bounces", f"127.0.0.1, port {port}"):
        assert words in listed
    assert len(saved(workspace)) == 2


def test_by_pop3_as_well(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    world = PopWorld()
    with serving_pop3(world) as port:
        wrong = as_ada.post(f"{path}/new", data=form(world, port, kind="pop3", password="x"))
        right = as_ada.post(f"{path}/new", data=form(world, port, kind="pop3"))
    assert (wrong.status_code, right.status_code, len(saved(workspace))) == (422, 302, 1)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_refresh_token_that_was_replaced_is_not_lost(
    as_ada: FlaskClient, workspace: Workspace, path: str, is_known: bool
) -> None:
    provider, world = TokenWorld(refresh_token="refresh-0", rotates=True), ImapWorld()
    world.capabilities = "IMAP4rev1 MOVE AUTH=XOAUTH2"
    world.tokens = provider.tokens if is_known else set()
    with serving_tokens(provider) as url, serving(world) as port:
        given = form(world, port, login="other", token_url=url, client_id=provider.client_id)
        secrets = {"client_secret": provider.client_secret, "refresh_token": "refresh-0"}
        answer = as_ada.post(f"{path}/new", data={**given, **secrets})
    assert answer.status_code == 302
    [mailbox] = saved(workspace)
    assert unseal_secrets(keyring(), mailbox.oauth_sealed).refresh_token == "refresh-1"
    assert mailbox.is_enabled is is_known
    assert ("does not take the access token" in mailbox.last_words) is not is_known


def test_a_provider_that_gives_no_token_is_said_and_nothing_saved(
    as_ada: FlaskClient, workspace: Workspace, path: str, world: ImapWorld, port: int
) -> None:
    provider = TokenWorld()
    with serving_tokens(provider) as url:
        given = form(world, port, login="other", token_url=url, client_id="stranger", client_secret="hush-hush")
        answer = as_ada.post(f"{path}/new", data=given)
    assert (answer.status_code, INSIST in answer.text, "hush-hush" in answer.text) == (422, True, False)
    assert "gives no access token: invalid_client" in answer.text
    assert saved(workspace) == []
