"""Pages that show what strangers wrote: nothing in it hides, or turns the line around; the file is as it came."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.messages.models import IncomingMail
from app.tracking.models import Incident
from tests.factories.messages import Sent
from tests.tracking.post.test_pages import put
from tests.tracking.test_mail_intake import dsn

UNSEEN = "\u202e\u2066\u200b\u2060\x1b\x07\x7f\u009b\x00\u200e"
MARKS = "<U+202E><U+2066><U+200B><U+2060><U+001B><U+0007><U+007F><U+009B><U+0000><U+200E>"
LOOK_FOR = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
LETTER = (
    "From: =?utf-8?q?Ada=E2=80=AEnim?= <ada@example.net>\r\n"
    "Subject: =?utf-8?q?gpj=2E=E2=80=AEexe=E2=80=8B_=D7=A9=D7=9C=D7=95=D7=9D?=\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    f"Hello {UNSEEN} end, שלום, \u06cc\u200c\u06a9, \U0001f469\u200d\U0001f680\r\n"
).encode()


@pytest.fixture
def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/incoming"


def text_of(client: FlaskClient, page: str) -> str:
    answer = client.get(page)
    assert answer.status_code == 200
    assert LOOK_FOR.findall(answer.text) == [], page
    return unescape(answer.text)


def test_nothing_in_a_mail_hides_or_turns_the_line(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    number = put(LETTER, workspace=workspace)
    assert "<bdi>gpj.<U+202E>exe<U+200B> שלום</bdi>" in text_of(as_ada, path)
    page = text_of(as_ada, f"{path}/{number}")
    assert "Ada<U+202E>nim" in page
    assert "<title>gpj.<U+202E>exe<U+200B> שלום · " in page
    raw = text_of(as_ada, f"{path}/{number}/raw")
    assert f"Hello {MARKS} end" in raw
    assert "\u06cc\u200c\u06a9, \U0001f469\u200d\U0001f680" in raw, "letters that a joiner forms"
    assert as_ada.get(f"{path}/{number}/download").data == LETTER


def test_a_mail_set_aside(as_ada: FlaskClient, workspace: Workspace, path: str) -> None:
    number = put(LETTER, workspace=workspace)
    mail = db.session.get_one(IncomingMail, number)
    mail.kind, mail.envelope_from, mail.note = "unread", "ada\u202e@example.net", "set aside unread; \u200bwords"
    mail.facts = {}
    db.session.commit()
    assert "ada<U+202E>@example.net" in text_of(as_ada, f"{path}/{number}")
    assert "ada<U+202E>@example.net" in text_of(as_ada, path)


def test_words_of_servers(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    number = put(dsn(sent.mail_token, said="550 5.1.1 No such user\u202e here\u00ad"))
    mail = db.session.get_one(IncomingMail, number)
    assert mail.facts["recipients"][0]["diagnostic"]
    house = path.removesuffix("/incoming")
    for page in (
        f"{path}/{number}",
        f"{house}/people/{sent.person.id}",
        f"{house}/suppressions",
        f"{house}/reports/{sent.message.campaign_id}/people",
    ):
        assert "No such user<U+202E> here<U+00AD>" in text_of(as_ada, page), page


def test_words_of_an_incident(as_ada: FlaskClient, sent: Sent, path: str) -> None:
    with in_workspace(sent.workspace.id):
        incident = Incident(kind="blocked", provider="example.net", reason="blocked", words="554 go\u202e away\x1b")
        db.session.add(incident)
        db.session.commit()
        page = f"{path.removesuffix('/incoming')}/incidents/{incident.id}"
    assert "554 go<U+202E> away<U+001B>" in text_of(as_ada, page)
