"""Replies go on to the marketer: once, as a mail of our own, never what a machine wrote, never without end."""

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from app.audience.suppressions import is_suppressed
from app.campaigns.review_replies import reply_findings
from app.core.database import db, every_workspace, in_workspace
from app.core.extensions import settings
from app.mail.wire import WireMail
from app.messages.models import IncomingMail
from app.sending import outgoing
from app.sending.system_mails import compose_system_mail
from app.tracking.mail_intake import take_in_mail
from app.tracking.replies import forwarding, unheard
from app.tracking.replies.forwarding import FORWARD, queue_replies
from app.tracking.replies.unheard import PATIENCE, has_address
from tests.factories.messages import Sent
from workers import priority

assert priority, "its import makes forwards known as mails of the system"

TARGET = "desk@aviary.example.com"


class Desk:
    """Replies come in; what goes out is caught."""

    def __init__(self, sent: Sent, outbox: list[WireMail]) -> None:
        self.sent, self.outbox, self._count = sent, outbox, 0

    def hears(self, body: str = "Thank you!\n", *, headers: str = "", sender: str = "Ada <ada@example.org>") -> int:
        """The number of a reply that was taken in, and given to the round that forwards."""
        self._count += 1
        raw = (
            f"From: {sender}\nTo: b+{self.sent.mail_token}@bounces.example.com\nSubject: Re: Dovecote weekly\n"
            f"Message-ID: <{self._count}@example.org>\nIn-Reply-To: <{self.sent.mail_token}@mail.example.com>\n"
            f"{headers}\n{body}"
        )
        mail = IncomingMail(
            digest=raw.encode()[-32:] + self._count.to_bytes(4) + self.sent.message.id.to_bytes(4),
            envelope_from="ada@example.org",
            envelope_to=f"b+{self.sent.mail_token}@bounces.example.com",
            raw=raw.replace("\n", "\r\n").encode(),
        )
        db.session.add(mail)
        db.session.commit()
        take_in_mail()
        number = mail.id
        self.round()
        return number

    def round(self) -> None:
        queue_replies()
        with every_workspace():
            waiting = db.session.scalars(
                select(IncomingMail.id).where(
                    IncomingMail.facts["forward"].astext == "queued",
                    IncomingMail.forwarded_at.is_(None),
                    IncomingMail.workspace_id == self.sent.workspace.id,
                )
            ).all()
        for number in waiting:
            outgoing.send_outgoing(FORWARD, number)

    def decision(self, number: int) -> str:
        db.session.expire_all()
        return str(db.session.get_one(IncomingMail, number).facts.get("forward"))


@pytest.fixture
def desk(sent: Sent, outbox: list[WireMail]) -> Desk:
    sent.workspace.forward_replies_to = TARGET
    db.session.commit()
    return Desk(sent, outbox)


def parsed(mail: WireMail) -> Any:
    return message_from_bytes(mail.data, policy=policy.default)


def test_a_reply_goes_on_as_a_mail_of_our_own(desk: Desk) -> None:
    number = desk.hears("Lovely <b>birds</b> & more.\n.\nAda\n")
    [mail] = desk.outbox
    assert (mail.envelope_to, mail.envelope_from) == (TARGET, "no-reply@mail.example.com")
    assert b"\n." not in mail.data
    read = parsed(mail)
    assert read["From"].addresses[0].addr_spec == "no-reply@mail.example.com"
    assert read["Reply-To"].addresses[0].addr_spec == "ada@example.org"
    assert (read["Subject"], read["Auto-Submitted"]) == ("Re: Dovecote weekly", "auto-generated")
    assert read["X-Merpati-Forward"] == str(number)
    text, original = read.iter_parts()
    assert "> Lovely <b>birds</b> & more." in text.get_content()
    assert "Unsubscribe" not in text.get_content()
    assert original.get_filename() == "reply.eml"
    # A line that begins with a dot cannot go over the wire as it is, so this one travels as a file.
    assert original.get_content() == db.session.get_one(IncomingMail, number).raw


def test_a_plain_original_is_attached_as_a_mail(desk: Desk) -> None:
    desk.hears()
    _, original = parsed(desk.outbox[0]).iter_parts()
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload(0)["In-Reply-To"] == f"<{desk.sent.mail_token}@mail.example.com>"


def test_it_goes_on_once(desk: Desk) -> None:
    desk.hears()
    desk.round()
    desk.round()
    assert len(desk.outbox) == 1


def test_the_forward_that_comes_back_goes_nowhere(desk: Desk) -> None:
    """As when the marketer's mailbox hands everything on to the address that replies come to."""
    desk.hears()
    body = desk.outbox[0].data.decode().partition("\r\n\r\n")[2].replace("\r\n", "\n")
    number = desk.hears(body, headers="X-Merpati-Forward: 1\n")
    assert desk.decision(number) == "ours"
    assert len(desk.outbox) == 1


@pytest.mark.parametrize(
    ("headers", "sender", "why"),
    [
        ("List-Id: <birds.example.net>\n", "Ada <ada@example.org>", "list"),
        ("Precedence: bulk\n", "Ada <ada@example.org>", "list"),
        ("", "no-reply@example.org", "robot"),
        ("", TARGET, "theirs"),
        ("", "news@bounces.example.com", "ours"),
        (f"Cc: {TARGET}\n", "Ada <ada@example.org>", "there"),
    ],
)
def test_what_must_not_go_round_stays(desk: Desk, headers: str, sender: str, why: str) -> None:
    number = desk.hears(headers=headers, sender=sender)
    assert desk.outbox == []
    # What the reader does not even take for a person's reply is not looked at.
    assert desk.decision(number) in (why, "None")


@pytest.mark.parametrize("headers", ["Auto-Submitted: auto-replied\n", "Precedence: auto_reply\n"])
def test_automatic_answers_stay(desk: Desk, headers: str) -> None:
    assert desk.decision(desk.hears(headers=headers)) == "None"
    assert desk.outbox == []


def test_one_person_cannot_flood_the_marketer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PER_PERSON", 3)
    decisions = [desk.decision(desk.hears(f"Answer {number}\n")) for number in range(5)]
    assert decisions == ["queued"] * 3 + ["limit"] * 2
    assert len(desk.outbox) == 3


def test_without_an_address_it_stays_and_says_so(desk: Desk) -> None:
    desk.sent.workspace.forward_replies_to = ""
    desk.sent.workspace.reply_to = "answers@bounces.example.com"
    db.session.commit()
    assert desk.decision(desk.hears()) == "nowhere"
    desk.round()
    assert desk.outbox == []


def test_an_earlier_bounce_domain_is_ours_as_well(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    former = settings().model_copy(update={"bounce_domain_fallbacks": ("former.example.com",)})
    monkeypatch.setitem(current_app.extensions, "merpati.settings", former)
    assert desk.decision(desk.hears(sender="news@former.example.com")) in ("ours", "None")
    desk.sent.workspace.forward_replies_to = ""
    desk.sent.workspace.reply_to = "answers@former.example.com"
    db.session.commit()
    assert not has_address(desk.sent.workspace, "news@Former.example.com")
    assert desk.decision(desk.hears()) == "nowhere"
    desk.round()
    assert desk.outbox == []


def test_what_waited_goes_on_once_an_address_is_set(desk: Desk) -> None:
    desk.sent.workspace.forward_replies_to = ""
    db.session.commit()
    number = desk.hears("Where is my parcel?\n")
    assert (desk.decision(number), desk.outbox) == ("nowhere", [])
    desk.sent.workspace.forward_replies_to = TARGET
    db.session.commit()
    desk.round()
    desk.round()
    assert [mail.envelope_to for mail in desk.outbox] == [TARGET]


def test_what_waited_too_long_stays(desk: Desk) -> None:
    desk.sent.workspace.forward_replies_to = ""
    db.session.commit()
    number = desk.hears()
    mail = db.session.get_one(IncomingMail, number)
    mail.received_at -= PATIENCE
    desk.sent.workspace.forward_replies_to = TARGET
    db.session.commit()
    desk.round()
    assert (desk.decision(number), desk.outbox) == ("nowhere", [])


def test_no_more_than_some_of_what_waited_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unheard, "MOST", 1)
    monkeypatch.setattr(unheard, "AT_ONCE", 1)
    desk.sent.workspace.forward_replies_to = ""
    db.session.commit()
    first, second = desk.hears(), desk.hears()
    desk.sent.workspace.forward_replies_to = TARGET
    db.session.commit()
    desk.round()
    desk.round()
    assert (desk.decision(first), desk.decision(second)) == ("nowhere", "queued")
    assert len(desk.outbox) == 1


def test_the_review_warns_where_replies_go_nowhere(desk: Desk) -> None:
    workspace = desk.sent.workspace
    workspace.forward_replies_to = workspace.reply_to = ""
    db.session.commit()

    def warned() -> bool:
        with in_workspace(workspace.id):
            return bool(reply_findings(desk.sent.campaign))

    assert not warned(), "no reply ever came in here"
    desk.hears()
    assert warned()
    workspace.reply_to = "letters@aviary.example.com"
    db.session.commit()
    assert not warned()


def test_old_replies_stay_where_they_are(desk: Desk) -> None:
    desk.sent.workspace.forward_replies_to = ""
    db.session.commit()
    number = desk.hears()
    mail = db.session.get_one(IncomingMail, number)
    mail.facts, mail.received_at = {}, mail.received_at - timedelta(days=4)
    desk.sent.workspace.forward_replies_to = TARGET
    db.session.commit()
    desk.round()
    assert (desk.decision(number), desk.outbox) == ("None", [])


def test_the_reply_address_serves_when_none_is_set(desk: Desk) -> None:
    desk.sent.workspace.forward_replies_to, desk.sent.workspace.reply_to = "", "letters@aviary.example.com"
    db.session.commit()
    desk.hears()
    assert [mail.envelope_to for mail in desk.outbox] == ["letters@aviary.example.com"]


def test_a_wish_to_leave_is_offered_and_never_acted_upon_by_itself(desk: Desk, visitor: FlaskClient) -> None:
    desk.hears("Please remove me from your list.\n\nOn Monday, Aviary News wrote:\n> birds\n")
    text = next(parsed(desk.outbox[0]).iter_parts()).get_content()
    assert "looks like a wish to leave" in text
    path = next(line for line in text.splitlines() if "/replies/" in line).removeprefix("http://localhost")
    page = visitor.get(path)
    assert "Unsubscribe them" in page.text
    assert desk.sent.state_on() == "confirmed"
    visitor.head(path)
    assert desk.sent.state_on() == "confirmed"
    assert "gets no more newsletters" in visitor.post(path).text
    assert visitor.post(path).status_code == 200
    assert desk.sent.state_on() == "unsubscribed"
    with in_workspace(desk.sent.workspace.id):
        assert is_suppressed(desk.sent.person)
    assert "nothing to do" in visitor.get(path).text
    assert visitor.get(path[:-2] + "xx").status_code == 404


def test_the_queue_gets_the_job(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "send_outgoing", lambda *_: None)
    number = desk.hears()
    queue = Queue("priority", connection=app.extensions["merpati.queue"], serializer=JSONSerializer)
    assert any(f"mail-{FORWARD}-{number}--" in job for job in queue.job_ids)


def test_an_erased_reply_is_not_composed(desk: Desk, sent: Sent) -> None:
    number = desk.hears()
    db.session.delete(db.session.get_one(IncomingMail, number))
    db.session.commit()
    with every_workspace():
        assert compose_system_mail(FORWARD, number) is None


def test_a_reply_that_cannot_be_decided_upon_holds_up_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = forwarding.why_not_forwarded

    def stumbles(mail: Any, **given: Any) -> str:
        if b"poison" in mail.content:
            raise RecursionError("too deep")
        return decided(mail, **given)

    monkeypatch.setattr(forwarding, "why_not_forwarded", stumbles)
    poison = desk.hears("poison\n")
    number = desk.hears("A genuine question.\n")
    assert (desk.decision(poison), desk.decision(number)) == ("unreadable", "queued")
    assert len(desk.outbox) == 1


LONG = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n"


def test_a_number_without_end_in_a_reply_is_read_and_goes_on(desk: Desk, as_ada: FlaskClient) -> None:
    number = desk.hears("<p>hi &#" + ("1" * 70 + "=\n") * 80 + ";</p>\n", headers=LONG)
    assert desk.decision(number) == "queued"
    assert len(desk.outbox) == 1
    page = as_ada.get(f"/w/{desk.sent.workspace.slug}/incoming/{number}")
    assert page.status_code == 200
    assert "hi \N{REPLACEMENT CHARACTER}" in page.text


@pytest.mark.parametrize(
    ("sender", "to", "why"),
    [
        ("Ben <ben@aviary.example.com>", "PERSON", "theirs"),
        ("Ben <ben@aviary.example.com>", "somebody@example.net", "queued"),
        ("News <news@aviary.example.com>", "somebody@example.net", "theirs"),
        ("Ada at work <ada@work.example>", "PERSON", "queued"),
        ("Ada at work <ada@work.example>", "somebody@example.net", "queued"),
    ],
    ids=[
        "a colleague to the person",
        "the person at that company",
        "the sender's mailbox",
        "another address",
        "at work",
    ],
)
def test_what_the_marketer_writes_to_the_person_is_no_reply(desk: Desk, sender: str, to: str, why: str) -> None:
    desk.sent.workspace.from_email = "news@aviary.example.com"
    db.session.commit()
    number = desk.hears(sender=sender, headers=f"Cc: {to}\n".replace("PERSON", desk.sent.message.address))
    assert desk.decision(number) == why
    assert len(desk.outbox) == (why == "queued")
