"""Incoming mail: who sees what, and that nothing in it can act."""

import secrets

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.audience.suppressions import suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.housekeeping import forget_old_mail
from app.messages.models import IncomingMail
from app.tracking.mail_intake import take_in_mail
from tests.factories.messages import Sent
from tests.tracking.test_mail_intake import dsn

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
        source="mailbox:1" if workspace else "smtp",
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


def test_mail_goes_after_its_time(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    from datetime import timedelta

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
