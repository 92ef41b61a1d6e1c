"""Incoming mail: who sees what, and that nothing in it can act."""

import secrets
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience import mistakes
from app.audience.history import timeline
from app.audience.suppressions import is_suppressed, suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.messages.housekeeping import forget_old_mail
from app.messages.models import IncomingMail
from app.tracking.mail_intake import take_in_mail
from app.tracking.post.queries import PAGE
from app.tracking.replies.forwarding import LEAVE
from tests.factories.messages import Sent
from tests.tracking.test_mail_intake import complaint, dsn

HOSTILE = b"""From: Mallory <mallory@example.net>\r
Subject: =?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E?=\r
Content-Type: text/html\r
\r
<p>Hello</p><img src="http://track.example.net/p.gif"><script>alert(2)</script>\r
"""


def put(raw: bytes, *, to: str = "x@bounces.example.com", workspace: Workspace | None = None) -> int:
    mail = IncomingMail(
        digest=secrets.token_bytes(32),
        envelope_from="someone@example.net",
        envelope_to=to,
        raw=raw,
        workspace_id=workspace.id if workspace else None,
    )
    db.session.add(mail)
    db.session.commit()
    number = mail.id
    take_in_mail()
    return number


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/incoming"


def test_a_mail_is_listed_and_found(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    put(dsn(sent.mail_token))
    put(HOSTILE, workspace=sent.workspace)
    assert all(word in as_ada.get(path).text for word in ("Undelivered Mail", "mallory@example.net"))
    for query, bounce, other in (
        ("kind=bounce", True, False),
        ("state=understood", True, False),
        ("state=unknown", False, True),
        ("q=ADA@example", True, False),
        ("q=mallory", False, True),
        ("q=%25", False, False),
    ):
        text = as_ada.get(f"{path}?{query}").text
        assert ("Undelivered Mail" in text, "mallory@example.net" in text) == (bounce, other), query


def test_nothing_in_a_mail_can_act(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    number = put(HOSTILE, workspace=workspace)
    for page in (path, f"{path}/{number}", f"{path}/{number}/raw"):
        text = as_ada.get(page).text
        assert "<script>alert" not in text, page
        assert '<img src="http' not in text, page
    assert "Hello" in as_ada.get(f"{path}/{number}").text
    assert "&lt;img src=" in as_ada.get(f"{path}/{number}/raw").text


def test_a_download_is_the_very_bytes_and_no_page(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    answer = as_ada.get(f"{path}/{put(HOSTILE, workspace=workspace)}/download")
    assert answer.data == HOSTILE
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=mail-")
    assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("message/rfc822", "nosniff")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_mail_of_nobody_is_seen_by_nobody(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    number = put(HOSTILE)
    assert "mallory" not in as_ada.get(path).text
    for page in ("", "/raw", "/download"):
        assert as_ada.get(f"{path}/{number}{page}").status_code == 404


def test_viewers_do_not_read_mail(as_vic: FlaskClient, path: str) -> None:
    assert as_vic.get(path).status_code == 403


def test_who_asks_to_leave_is_unsubscribed_by_one_click(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    to = f"b+{sent.mail_token}@bounces.example.com"
    number = put(f"From: ada@example.org\r\nTo: {to}\r\n\r\nUnsubscribe me please\r\n".encode(), to=to)
    page = as_ada.get(f"{path}/{number}").text
    assert "This looks like a wish to leave" in page
    assert sent.state_on() == "confirmed"
    assert as_ada.post(f"{path}/{number}/unsubscribe").status_code == 302
    assert sent.state_on() == "unsubscribed"
    assert sent.consent()[-1] == ("withdrawn", "operator")
    assert "Unsubscribe them" not in as_ada.get(f"{path}/{number}").text


def test_the_timeline_says_who_unsubscribed_them_and_when(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    to = f"b+{sent.mail_token}@bounces.example.com"
    number = put(f"From: ada@example.org\r\nTo: {to}\r\n\r\nUnsubscribe me please\r\n".encode(), to=to)
    before = clock.now()
    as_ada.post(f"{path}/{number}/unsubscribe")
    (event,) = sent.events("unsubscribed")
    assert event.label == ""
    assert event.at >= before
    with in_workspace(sent.workspace.id):
        fact = next(fact for fact in timeline(sent.person) if fact.kind == "unsubscribed")
    assert (fact.label, fact.mail_id) == ("member", number)
    page = as_ada.get(f"/w/{sent.workspace.slug}/people/{sent.person.id}").text
    assert "a member of this workspace" in page
    assert f"by {fact.who}" in page
    assert fact.who


def asks_to_leave(sent: Sent) -> int:
    to = f"b+{sent.mail_token}@bounces.example.com"
    return put(f"From: ada@example.org\r\nTo: {to}\r\n\r\nUnsubscribe me please\r\n".encode(), to=to)


def undo(client: FlaskClient, sent: Sent, number: int) -> int:
    return client.post(f"/w/{sent.workspace.slug}/incoming/{number}/undo").status_code


def test_a_click_by_mistake_is_taken_back_and_both_acts_stay(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    number = asks_to_leave(sent)
    person = f"/w/{sent.workspace.slug}/people/{sent.person.id}"
    as_ada.post(f"{path}/{number}/unsubscribe")
    assert f"{path}/{number}/undo" in as_ada.get(person).text
    assert undo(as_ada, sent, number) == 302
    assert sent.state_on() == "confirmed"
    with in_workspace(sent.workspace.id):
        assert not is_suppressed(sent.person)
    assert sent.consent()[-2:] == [("withdrawn", "operator"), ("restored", "operator")]
    page = as_ada.get(person).text
    assert "Unsubscription undone" in page
    assert "You unsubscribed this person" not in page
    assert undo(as_ada, sent, number) == 409
    as_ada.post(f"{path}/{number}/unsubscribe")
    assert sent.state_on() == "unsubscribed"


def test_nobody_takes_back_what_is_not_theirs_or_too_long_ago(
    as_ada: FlaskClient, visitor: FlaskClient, sent: Sent, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = asks_to_leave(sent)
    visitor.post(f"/replies/{keyring().sign(LEAVE, number)}")
    assert undo(as_ada, sent, number) == 409, "somebody else opened the link"
    monkeypatch.setattr(mistakes, "AT_ONCE", timedelta(0))
    assert undo(as_ada, sent, number) == 409
    assert sent.state_on() == "unsubscribed"


def test_what_the_person_says_since_is_not_taken_back(
    as_ada: FlaskClient, visitor: FlaskClient, sent: Sent, path: str
) -> None:
    number = asks_to_leave(sent)
    as_ada.post(f"{path}/{number}/unsubscribe")
    visitor.post(f"/u/{sent.token}")
    assert sent.consent()[-1][0] == "withdrawn"
    assert sent.consent()[-1][1] != "operator"
    assert undo(as_ada, sent, number) == 409
    assert sent.state_on() == "unsubscribed"
    assert [event.label for event in sent.events("unsubscribed")] == ["", "human"]


def test_the_timeline_leads_to_the_report_and_names_both_addresses(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    raw = dsn(sent.mail_token, recipient="other@elsewhere.test", said="550 5.1.1 User unknown in virtual mailbox table")
    number = put(raw, to=f"b+{sent.mail_token}@bounces.example.com")
    page = as_ada.get(f"/w/{sent.workspace.slug}/people/{sent.person.id}").text
    assert "ada@example.org passed it on to <bdi>other@elsewhere.test</bdi>" in page
    assert f"{path}/{number}" in page
    assert "Forwarded on, and refused there" in page


def test_mail_goes_after_its_time(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    number = put(HOSTILE, workspace=workspace)
    with clock.moved(timedelta(days=61)):
        forget_old_mail(60)
    db.session.commit()
    assert as_ada.get(f"{path}/{number}").status_code == 404


def reply(token: str, words: str, sender: str = "From: Ada <ada@example.org>\r\n") -> bytes:
    return f"{sender}To: b+{token}@bounces.example.com\r\nSubject: Re: Dovecote\r\n\r\n{words}\r\n".encode()


def test_a_wish_to_leave_stands_in_the_list_and_is_found(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    put(reply(sent.mail_token, "Please unsubscribe me."), to=f"b+{sent.mail_token}@bounces.example.com")
    put(reply(sent.mail_token, "What a lovely letter."), to=f"b+{sent.mail_token}@bounces.example.com")
    assert "Wants to leave</span>" in as_ada.get(path).text
    assert as_ada.get(f"{path}?kind=wish").text.count("Re: Dovecote") == 1
    assert as_ada.get(f"{path}?kind=reply").text.count("Re: Dovecote") == 2


def test_the_page_says_why_the_person_gets_no_mail(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    number = put(reply(sent.mail_token, "Hello."), to=f"b+{sent.mail_token}@bounces.example.com")
    for reason, words in (
        ("unsubscribed", "is unsubscribed from everything"),
        ("complained", "complained and is suppressed"),
        ("manual", "suppressed by hand"),
    ):
        with in_workspace(sent.workspace.id):
            suppress(sent.person.email, reason)
            db.session.commit()
        text = as_ada.get(f"{path}/{number}").text
        assert words in text
        assert "or was erased" not in text


def test_the_page_says_in_plain_words_what_a_mail_is(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    number = put(complaint(sent.mail_token))
    page, listed = as_ada.get(f"{path}/{number}").text, as_ada.get(path).text
    assert "The person marked it as spam, and their provider told us" in page.replace("&#39;", "'")
    assert "feedback report: abuse" not in page + listed


def test_what_names_no_message_of_ours_is_said_so(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    put(HOSTILE, workspace=workspace)
    assert "No message of yours</span>" in as_ada.get(path).text


def test_a_page_of_the_list_is_short(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    for number in range(PAGE + 1):
        put(HOSTILE.replace(b"Hello", f"Hello {number}".encode()), workspace=workspace)
    assert as_ada.get(path).text.count('<th scope="row"') == PAGE == 25
