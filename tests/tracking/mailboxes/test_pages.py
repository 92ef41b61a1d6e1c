"""The settings of incoming mail: mailboxes, their passwords, and where replies go."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.tracking.mailboxes import views
from app.tracking.mailboxes.account import PasswordRefused, unseal
from app.tracking.mailboxes.edit import list_mailboxes
from app.tracking.mailboxes.oauth.clients import unseal_secrets
from app.tracking.mailboxes.poll import mailboxes_due, next_visit
from app.tracking.mailboxes.trying import Outcome
from app.tracking.models import Mailbox

FORM = {
    "kind": "imap",
    "host": "imap.example.com",
    "port": "993",
    "security": "tls",
    "username": "bounces@example.com",
    "password": "a secret",
    "folder": "INBOX",
    "done_folder": "Merpati",
    "every_minutes": "5",
}


@pytest.fixture(autouse=True)
def lets_us_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers named here do not exist; test_trying.py has some that do."""
    monkeypatch.setattr(views, "try_sign_in", lambda _attempt, _until: Outcome())


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/settings/incoming"


def one(workspace: Workspace) -> Mailbox:
    db.session.expire_all()
    with in_workspace(workspace.id):
        [mailbox] = list_mailboxes()
        return mailbox


def test_a_mailbox_is_added_and_its_password_is_never_shown(
    as_ada: FlaskClient, workspace: Workspace, path: str
) -> None:
    answer = as_ada.post(f"{path}/new", data=FORM)
    assert answer.status_code == 302
    mailbox = one(workspace)
    assert b"a secret" not in mailbox.password_sealed
    assert unseal(keyring(), mailbox.password_sealed) == "a secret"
    assert "a secret" not in as_ada.get(f"{path}/{mailbox.id}").text
    assert mailbox.id in mailboxes_due()


def test_a_password_stays_with_its_server(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=FORM)
    number = one(workspace).id
    assert as_ada.post(f"{path}/{number}", data={**FORM, "password": "", "every_minutes": "9"}).status_code == 302
    assert unseal(keyring(), one(workspace).password_sealed) == "a secret"
    for elsewhere in ({"host": "evil.example.net"}, {"username": "other"}, {"security": "none"}):
        answer = as_ada.post(f"{path}/{number}", data={**FORM, "password": "", **elsewhere})
        assert (answer.status_code, "another server or user" in answer.text) == (422, True)
    assert one(workspace).host == "imap.example.com"


def test_control_characters_cannot_be_smuggled_into_a_session(as_ada: FlaskClient, path: str) -> None:
    for name in ("username", "password", "folder", "done_folder", "host"):
        assert as_ada.post(f"{path}/new", data={**FORM, name: "x\r\nDELE 1"}).status_code == 422, name


def test_saving_asks_again_after_a_refused_password(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=FORM)
    mailbox = one(workspace)
    mailbox.progress, mailbox.failures, mailbox.checked_at = {"refused": True, "uid": 9}, 1, clock.now()
    db.session.commit()
    assert mailbox.id not in mailboxes_due()
    assert "Password refused" in as_ada.get(path).text
    as_ada.post(f"{path}/{mailbox.id}", data={**FORM, "password": "a better secret"})
    mailbox = one(workspace)
    assert (mailbox.progress, mailbox.id in mailboxes_due()) == ({"uid": 9}, True)


def test_failures_make_the_pauses_longer(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=FORM)
    mailbox = one(workspace)
    mailbox.checked_at = now = clock.now()
    pauses = []
    for failures in (0, 1, 2, 30):
        mailbox.failures = failures
        due = next_visit(mailbox)
        assert due is not None
        pauses.append((due - now) / timedelta(minutes=1))
    assert pauses == [5, 10, 20, 360]


def test_a_mailbox_is_switched_off_and_removed(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=FORM)
    number = one(workspace).id
    as_ada.post(f"{path}/{number}/switch", data={"on": ""})
    assert number not in mailboxes_due()
    as_ada.post(f"{path}/{number}/switch", data={"on": "1"})
    assert number in mailboxes_due()
    as_ada.post(f"{path}/{number}/remove")
    with in_workspace(workspace.id):
        assert db.session.scalars(select(Mailbox)).all() == []


def test_replies_do_not_go_to_our_own_address(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    answer = as_ada.post(path, data={"forward_replies_to": "answers@Bounces.example.com"})
    assert (answer.status_code, "would go round" in answer.text) == (422, True)
    assert as_ada.post(path, data={"forward_replies_to": "desk@aviary.example.com"}).status_code == 302
    db.session.refresh(workspace)
    assert workspace.forward_replies_to == "desk@aviary.example.com"


def test_a_password_of_a_lost_key_is_said(workspace: Workspace) -> None:
    with pytest.raises(PasswordRefused, match="Enter it again"):
        unseal(keyring(), bytes([255]) + b"x" * 40)


def test_a_bare_user_name_is_shown_with_its_server(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    with in_workspace(workspace.id):
        for user in ("u", "news@example.com"):
            db.session.add(
                Mailbox(
                    kind="imap", host="imap.example.com", port=993, security="tls", username=user, password_sealed=b"-"
                )
            )
        db.session.commit()
    shown = as_ada.get(path).text
    assert "u@imap.example.com" in shown.replace("<wbr>", "")
    assert "news@example.com@" not in shown


OAUTH = {
    **{name: value for name, value in FORM.items() if name != "password"},
    "login": "microsoft_app",
    "host": "outlook.office365.com",
    "tenant": "example.com",
    "client_id": "an-app",
    "client_secret": "a client's secret",
}


def test_ways_to_sign_in_are_chosen_first(as_ada: FlaskClient, path: str) -> None:
    choice = as_ada.get(f"{path}/new").text
    for login in ("password", "microsoft_app", "microsoft", "google", "other"):
        assert f'value="{login}"' in choice
        asked = as_ada.get(f"{path}/new?login={login}").text
        assert ('name="password"' in asked, 'name="client_secret"' in asked) == (
            login == "password",
            login != "password",
        )
        assert ('name="token_url"' in asked) == (login == "other")
    assert 'value="imap.gmail.com"' in as_ada.get(f"{path}/new?login=google").text
    assert 'name="password"' in as_ada.get(f"{path}/new?login=nonsense").text


def test_a_mailbox_by_token_is_added_and_its_secrets_are_never_shown(
    as_ada: FlaskClient, workspace: Workspace, path: str
) -> None:
    assert as_ada.post(f"{path}/new", data=OAUTH).status_code == 302
    mailbox = one(workspace)
    assert unseal_secrets(keyring(), mailbox.oauth_sealed) == ("a client's secret", "")
    assert mailbox.oauth == {"tenant": "example.com", "client_id": "an-app"}
    shown = as_ada.get(f"{path}/{mailbox.id}").text
    assert "an-app" in shown
    assert "client's secret" not in shown.replace("&#39;", "'")
    for words in (b"secret", b"an-app"):
        assert words not in (mailbox.oauth_sealed or b"")
    assert mailbox.id in mailboxes_due()


def test_secrets_stay_with_their_servers(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=OAUTH)
    number = one(workspace).id
    kept = {**OAUTH, "client_secret": ""}
    assert as_ada.post(f"{path}/{number}", data={**kept, "every_minutes": "9"}).status_code == 302
    assert unseal_secrets(keyring(), one(workspace).oauth_sealed).client_secret == "a client's secret"
    other = {"login": "other", "token_url": "https://evil.example.net/token"}
    for elsewhere in ({"host": "evil.example.net"}, {"username": "x"}, {"tenant": "x"}, {"client_id": "x"}, other):
        answer = as_ada.post(f"{path}/{number}", data={**kept, **elsewhere})
        assert answer.status_code == 422, elsewhere
        assert "client secret" in answer.text
    assert one(workspace).host == "outlook.office365.com"


@pytest.mark.parametrize(
    ("login", "wrong"),
    [
        ("microsoft_app", {"tenant": ""}),
        ("microsoft_app", {"tenant": "../x"}),
        ("microsoft_app", {"client_secret": ""}),
        ("microsoft", {"refresh_token": ""}),
        ("google", {"refresh_token": ""}),
        ("google", {"client_secret": ""}),
        ("google", {"client_id": ""}),
        ("other", {"token_url": ""}),
        ("other", {"token_url": "ftp://login.example.com/"}),
        ("other", {"token_url": "https://user:pass@login.example.com/"}),
        ("other", {"token_url": "https://login.example.com:port/"}),
        ("other", {"token_url": "https:///token"}),
        ("other", {"token_url": "https://login.example.com/\r\nX: y"}),
        ("other", {"client_secret": "", "refresh_token": ""}),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    as_ada: FlaskClient, workspace: Workspace, path: str, login: str, wrong: dict[str, str]
) -> None:
    right = {**OAUTH, "login": login, "refresh_token": "r", "token_url": "https://login.example.com/token"}
    answer = as_ada.post(f"{path}/new", data={**right, **wrong})
    assert answer.status_code == 422
    assert f'id="{next(iter(wrong))}-error"' in answer.text
    with in_workspace(workspace.id):
        assert list_mailboxes() == []
    assert as_ada.post(f"{path}/new", data=right).status_code == 302


def test_another_way_to_sign_in_keeps_what_was_read(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data={**FORM, "host": "outlook.office365.com"})
    mailbox = one(workspace)
    mailbox.progress, number = {"uid": 9, "uidvalidity": 3, "refused": True}, mailbox.id
    db.session.commit()
    assert 'name="client_secret"' in as_ada.get(f"{path}/{number}?login=microsoft_app").text
    assert as_ada.post(f"{path}/{number}", data=OAUTH).status_code == 302
    mailbox = one(workspace)
    assert (mailbox.login, mailbox.progress) == ("microsoft_app", {"uid": 9, "uidvalidity": 3})
    assert unseal(keyring(), mailbox.password_sealed) == ""
    back = {**FORM, "login": "password", "host": "outlook.office365.com"}
    assert as_ada.post(f"{path}/{number}", data=back).status_code == 302
    mailbox = one(workspace)
    assert (mailbox.login, mailbox.oauth, mailbox.oauth_sealed) == ("password", {}, None)


def test_asking_now_asks_for_a_new_token(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=OAUTH)
    mailbox = one(workspace)
    mailbox.access_sealed, mailbox.access_until = b"x", clock.now()
    db.session.commit()
    as_ada.post(f"{path}/{mailbox.id}/visit")
    mailbox = one(workspace)
    assert (mailbox.access_sealed, mailbox.access_until) == (None, None)


def test_the_page_says_what_is_taken_and_what_is_left(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data=FORM)
    for page in (f"{path}/new?login=password", f"{path}/{one(workspace).id}"):
        shown = as_ada.get(page).text
        assert "Looked at once and forgotten" in shown
        assert "Bounces and reports that name no message of yours" in shown


def test_the_page_says_what_came_of_a_visit(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    as_ada.post(f"{path}/new", data={**FORM, "kind": "pop3"})
    there = f"{path}/{one(workspace).id}"

    def section() -> str:
        text = as_ada.get(there).text
        assert 'id="mailbox-state"' in text
        return text.partition('id="visit"')[2].partition("</section>")[0]

    def after(**values: object) -> str:
        mailbox = one(workspace)
        for name, value in values.items():
            setattr(mailbox, name, value)
        db.session.commit()
        return section()

    assert "To be asked now" in as_ada.get(there).text
    asked = section()
    assert "It is being asked now" in asked
    assert 'hx-trigger="every 2s"' in asked
    well = after(checked_at=clock.now(), progress={"uidls": ["a", "b"], "waiting": {"b": 7}, "left": {"c": "large"}})
    for words in ("No trouble.", "Taken, not put away yet</dt><dd>1 mail", "Passed over</dt><dd>1 mail, too large"):
        assert words in well
    assert "Looked at and still there</dt><dd>2 mails" in well
    assert 'hx-trigger="every 10s"' in well, "the visit may go on still"
    assert "more is read at once" in after(progress={"more": True})
    ill = after(failures=3, last_words="The server did not answer.")
    assert "It could not be read, 3 times in a row." in ill
    assert "The server did not answer." in ill
    assert "hx-get" not in ill
    assert "The sign-in was refused" in after(failures=1, progress={"refused": True})
    as_ada.post(f"{there}/visit")
    assert "It is being asked now" in section()
    as_ada.post(f"{there}/switch", data={"on": ""})
    assert "It is switched off" in section()
