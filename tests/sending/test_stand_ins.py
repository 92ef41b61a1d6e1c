"""Mail under names that are somebody else's: what is held, what goes all the same, and where it is said."""

from collections.abc import Callable

import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from structlog.testing import capture_logs

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.settings import EXAMPLE_BOUNCE_DOMAIN, EXAMPLE_MAIL_DOMAIN
from app.mail.wire import WireMail
from app.sending import outgoing
from app.sending import views as sending_views
from app.sending.models import OutgoingMail
from app.sending.stand_ins import unset_names, why_held
from tests.sending.transports import ways

Set = Callable[..., None]
NOBODYS = f"no-reply@{EXAMPLE_MAIL_DOMAIN}"


@pytest.fixture
def installation(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Set:
    """Change the settings for this test; to begin with, mail leaves and no name is set."""

    def change(**values: object) -> None:
        ours = current_app.extensions["merpati.settings"].model_copy(update=values)
        monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)

    change(
        mail_domain=EXAMPLE_MAIL_DOMAIN,
        bounce_domain=EXAMPLE_BOUNCE_DOMAIN,
        catcher=False,
        smtp_url="smtp://relay.dove.internal:587",
    )
    return change


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[WireMail]:
    """What was handed to the transports."""
    taken: list[WireMail] = []
    monkeypatch.setattr(outgoing, "send_mail", lambda _workspace, mail: taken.append(mail))
    return taken


def composing(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, sender: str) -> None:
    mail = WireMail(sender, "ann@dove.internal", False, b"Subject: Please confirm\r\n\r\n")
    monkeypatch.setattr(outgoing, "compose_system_mail", lambda _kind, _row: (workspace.id, mail))


def waiting(workspace: Workspace) -> OutgoingMail | None:
    with in_workspace(workspace.id):
        return db.session.scalar(select(OutgoingMail))


def test_a_confirmation_from_nobodys_name_is_kept_until_it_is_set(
    workspace: Workspace,
    installation: Set,
    sent: list[WireMail],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    composing(monkeypatch, workspace, NOBODYS)
    with capture_logs() as told:
        for _ in range(30):  # more than the retries that a refused one gets
            outgoing.send_outgoing("confirm-subscription", workspace.id)
    assert len([line for line in told if line["event"] == "system mail held"]) == 1
    assert sent == []
    row = waiting(workspace)
    assert row is not None
    assert row.attempts == 0
    assert "MERPATI_MAIL_DOMAIN" in row.reply
    installation(mail_domain="mail.dove.internal", smtp_url="smtp://relay.dove.internal:587")
    composing(monkeypatch, workspace, "no-reply@mail.dove.internal")
    outgoing.send_outgoing("confirm-subscription", workspace.id)
    assert len(sent) == 1
    assert waiting(workspace) is None


def test_what_composing_noted_did_not_happen(
    workspace: Workspace, installation: Set, sent: list[WireMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = workspace.id

    def compose(_kind: str, _row: int) -> tuple[int, WireMail]:
        db.session.get_one(Workspace, number).name = "Went on"
        return number, WireMail(NOBODYS, "ann@dove.internal", False, b"Subject: A reply\r\n\r\n")

    monkeypatch.setattr(outgoing, "compose_system_mail", compose)
    outgoing.send_outgoing("forward-reply", number)
    db.session.expire_all()
    assert db.session.get_one(Workspace, number).name != "Went on"
    assert waiting(workspace) is not None
    assert sent == []


def test_a_confirmation_from_an_address_of_theirs_goes(
    workspace: Workspace, installation: Set, sent: list[WireMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    composing(monkeypatch, workspace, "news@dove.internal")
    outgoing.send_outgoing("confirm-subscription", workspace.id)
    assert len(sent) == 1, "its bounces come back to the sender, so nothing depends on the bounce domain"


@pytest.mark.parametrize("smtp_url", ["smtp://127.0.0.1:2525", "smtp://localhost:25", "smtp://[::1]:25"])
def test_what_goes_to_this_machine_is_not_held(workspace: Workspace, installation: Set, smtp_url: str) -> None:
    assert why_held(workspace.id, NOBODYS)
    installation(smtp_url=smtp_url)
    assert why_held(workspace.id, NOBODYS) == ""


def test_a_transport_that_leaves_the_machine_counts_whatever_the_installation_has(
    workspace: Workspace, installation: Set
) -> None:
    installation(smtp_url="smtp://127.0.0.1:2525")
    number = ways.add(workspace, 587, host="smtp.relay.internal")
    assert why_held(workspace.id, NOBODYS)
    ways.change(number, is_enabled=False)
    assert why_held(workspace.id, NOBODYS) == ""
    ways.add(workspace, 0, kind="postmark", host="")
    assert why_held(workspace.id, NOBODYS)


def test_names_are_asked_for_when_mail_leaves_from_a_domain_in_the_open(
    workspace: Workspace, installation: Set
) -> None:
    with in_workspace(workspace.id):
        assert len(unset_names("dove.internal")) == 2
        assert unset_names("dove.example.com") == []
        installation(bounce_domain="bounces.dove.internal")
        [words] = unset_names("dove.internal")
        assert "MERPATI_MAIL_DOMAIN is not set" in words


def test_the_page_says_what_is_unset_and_what_waits(
    as_ada: FlaskClient,
    workspace: Workspace,
    installation: Set,
    sent: list[WireMail],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace.from_email = "news@dove.internal"
    db.session.commit()
    composing(monkeypatch, workspace, NOBODYS)
    outgoing.send_outgoing("confirm-subscription", workspace.id)
    shown = as_ada.get(f"/w/{workspace.slug}/settings/sending").text
    assert "Campaigns do not start before this is set" in shown
    assert "MERPATI_BOUNCE_DOMAIN is not set" in shown
    assert "1 mail of Merpati waits" in shown
    assert "everybody would refuse it" in shown


def test_the_page_says_it_before_anything_waits(as_ada: FlaskClient, workspace: Workspace, installation: Set) -> None:
    path = f"/w/{workspace.slug}/settings/sending"
    assert "are kept back" not in as_ada.get(path).text
    workspace.from_email = ""
    db.session.commit()
    assert "Confirmations and other mails of Merpati are kept back" in as_ada.get(path).text


def test_a_trial_goes_and_says_that_more_is_lacking(
    as_ada: FlaskClient, workspace: Workspace, installation: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.from_email = "news@dove.internal"
    db.session.commit()
    monkeypatch.setattr(sending_views, "send_by", lambda *_given, **_more: "250 2.0.0 Ok")
    number = ways.add(workspace, 587, host="smtp.relay.internal")
    path = f"/w/{workspace.slug}/settings/sending/{number}/trial"
    shown = as_ada.post(path, data={"to": "ada@dove.internal"}, follow_redirects=True).text
    assert "250 2.0.0 Ok" in shown
    assert "MERPATI_BOUNCE_DOMAIN is not set" in shown


def test_of_several_jobs_for_one_mail_one_sends_it(
    workspace: Workspace, installation: Set, sent: list[WireMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    installation(mail_domain="mail.dove.internal")
    composing(monkeypatch, workspace, "no-reply@mail.dove.internal")

    def take(_workspace: int, mail: WireMail) -> None:
        sent.append(mail)
        if len(sent) == 1:  # while it is under way, the next job begins
            outgoing.send_outgoing("confirm-subscription", workspace.id)

    monkeypatch.setattr(outgoing, "send_mail", take)
    outgoing.send_outgoing("confirm-subscription", workspace.id)
    assert len(sent) == 1
    assert waiting(workspace) is None
