"""The SMTP account of a workspace: its page, its secret, and mails of the system."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.errors import SettingsError
from app.core.extensions import keyring, settings
from app.core.tokens import Keyring
from app.mail.wire import WireMail
from app.sending import outgoing
from app.sending.account import Account
from app.sending.models import OutgoingMail, Transport
from app.sending.seal import seal, unseal
from app.sending.transports import workspace_account
from tests.sending import moods, world
from tests.sending.servers import Server, running

FORM = {"host": "smtp.example.com", "port": "587", "security": "starttls", "username": "ann", "password": "p@ss wörd"}


def page(workspace: Workspace, end: str = "") -> str:
    return f"/w/{workspace.slug}/settings/sending{end}"


def transport(workspace: Workspace) -> Transport | None:
    with in_workspace(workspace.id):
        return db.session.scalar(select(Transport))


def address(workspace: Workspace, end: str = "") -> str:
    """Of the page of its one transport."""
    found = transport(workspace)
    assert found is not None
    return page(workspace, f"/{found.id}{end}")


def test_an_owner_sets_the_account(as_ada: FlaskClient, workspace: Workspace) -> None:
    assert b"Mail is caught, not delivered" in as_ada.get(page(workspace)).data
    answer = as_ada.post(page(workspace, "/new"), data={**FORM, "connections": "3"}, follow_redirects=True)
    assert "Send a trial mail to see whether it works" in answer.text
    assert b"Mail is caught" not in as_ada.get(page(workspace)).data
    account = workspace_account(workspace.id, settings(), keyring())
    assert isinstance(account, Account)
    assert (account.host, account.port, account.security) == ("smtp.example.com", 587, "starttls")
    assert (account.username, account.password, account.connections) == ("ann", "p@ss wörd", 3)
    saved = transport(workspace)
    assert saved is not None
    assert saved.password_sealed is not None
    assert "wörd".encode() not in saved.password_sealed


def test_a_secret_is_in_no_page(as_ada: FlaskClient, workspace: Workspace) -> None:
    as_ada.post(page(workspace, "/new"), data=FORM)
    mistaken = as_ada.post(address(workspace), data={**FORM, "port": "0"})
    assert mistaken.status_code == 422
    pages = [as_ada.get(page(workspace)), as_ada.get(page(workspace, "/new?kind=smtp")), as_ada.get(address(workspace))]
    for shown in [*pages, mistaken]:
        assert "smtp.example.com" in shown.text or "kind=smtp" in shown.request.url
        assert "wörd" not in shown.text


def test_an_empty_password_keeps_it_but_never_for_another_server(as_ada: FlaskClient, workspace: Workspace) -> None:
    as_ada.post(page(workspace, "/new"), data=FORM)
    as_ada.post(address(workspace), data={**FORM, "password": "", "port": "465", "security": "tls"})
    account = workspace_account(workspace.id, settings(), keyring())
    assert isinstance(account, Account)
    assert (account.port, account.password) == (465, "p@ss wörd")
    refused = as_ada.post(address(workspace), data={**FORM, "password": "", "host": "smtp.evil.test"})
    assert refused.status_code == 422
    assert "goes to no other" in refused.text
    assert workspace_account(workspace.id, settings(), keyring()).host == "smtp.example.com"
    as_ada.post(address(workspace), data={**FORM, "password": "", "username": "", "host": "smtp.evil.test"})
    account = workspace_account(workspace.id, settings(), keyring())
    assert (account.host, account.password) == ("smtp.evil.test", "")


def test_mistakes_are_kept_and_named(as_ada: FlaskClient, workspace: Workspace) -> None:
    answer = as_ada.post(page(workspace, "/new"), data={**FORM, "host": "a host", "port": "99999"})
    assert answer.status_code == 422
    assert "a host" in answer.text
    assert transport(workspace) is None


def test_the_account_can_be_removed(as_ada: FlaskClient, workspace: Workspace) -> None:
    as_ada.post(page(workspace, "/new"), data=FORM)
    as_ada.post(address(workspace, "/remove"))
    assert transport(workspace) is None
    assert workspace_account(workspace.id, settings(), keyring()).name == "127.0.0.1:8027"


def test_others_may_not(as_vic: FlaskClient, visitor: FlaskClient, workspace: Workspace) -> None:
    assert as_vic.get(page(workspace)).status_code == 403
    assert as_vic.post(page(workspace, "/new"), data=FORM).status_code == 403
    assert visitor.post(page(workspace, "/new"), data=FORM).status_code in (302, 401)
    assert transport(workspace) is None


def test_a_trial_shows_the_servers_words(as_ada: FlaskClient, workspace: Workspace) -> None:
    with running(Server()) as server, world.sending_by(server.url):
        answer = as_ada.post(page(workspace, "/trial"), data={"to": "ann@example.com"}, follow_redirects=True)
    assert "250 2.0.0 Ok: queued as 4B2A" in answer.text
    assert server.recipients == {"ann@example.com": 1}
    with running(moods.Says({"*": b"550 5.7.1 You are not welcome"})) as server, world.sending_by(server.url):
        answer = as_ada.post(page(workspace, "/trial"), data={"to": "ann@example.com"})
    assert answer.status_code == 422
    assert "550 5.7.1 You are not welcome" in answer.text


def test_a_campaign_uses_the_account_of_its_workspace(as_ada: FlaskClient, workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(Server()) as server:
        as_ada.post(page(workspace, "/new"), data={"host": "127.0.0.1", "port": str(server.port), "security": "none"})
        world.send(campaign, "smtp://127.0.0.1:9")
    assert world.states(campaign) == {"sent": 3}


def test_a_password_survives_the_rotation_of_the_secret_key() -> None:
    old, new = "o" * 40, "n" * 40
    sealed = seal(Keyring(old), "secret")
    assert unseal(Keyring(new, [old]), sealed) == "secret"
    with pytest.raises(SettingsError, match="Enter it again"):
        unseal(Keyring(new), sealed)
    with pytest.raises(SettingsError):
        unseal(Keyring(old), sealed[:-1] + bytes([sealed[-1] ^ 1]))


@pytest.fixture
def confirmation(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> WireMail:
    """What the audience's room would compose for row 7."""
    mail = WireMail(
        "news@aviary.example.com", "ann@example.com", False, b"To: ann@example.com\r\n\r\nPlease confirm\r\n"
    )
    monkeypatch.setattr(outgoing, "compose_system_mail", lambda _kind, _row: (workspace.id, mail))
    return mail


def outbox(workspace: Workspace) -> list[OutgoingMail]:
    with in_workspace(workspace.id):
        return list(db.session.scalars(select(OutgoingMail)))


def test_a_system_mail_is_sent_and_forgotten(workspace: Workspace, confirmation: WireMail) -> None:
    with running(Server()) as server, world.sending_by(server.url):
        outgoing.send_outgoing("confirm-subscription", 7)
    assert server.messages == [confirmation.data]
    assert outbox(workspace) == []


def test_a_system_mail_waits_for_a_server_that_is_away(workspace: Workspace, confirmation: WireMail) -> None:
    with world.sending_by("smtp://127.0.0.1:9"):
        outgoing.send_outgoing("confirm-subscription", 7)
    [row] = outbox(workspace)
    assert row.attempts == 1
    assert "refuses connections" in row.reply
    assert timedelta(minutes=4) < row.next_attempt_at - clock.now() < timedelta(minutes=6)
    with running(Server()) as server, world.sending_by(server.url):
        outgoing.send_outgoing("confirm-subscription", 7)
    assert len(server.messages) == 1
    assert outbox(workspace) == []


def test_a_refused_system_mail_is_given_up(workspace: Workspace, confirmation: WireMail) -> None:
    with running(moods.Says({"*": b"550 5.1.1 No such user"})) as server, world.sending_by(server.url):
        outgoing.send_outgoing("confirm-subscription", 7)
    assert outbox(workspace) == []
