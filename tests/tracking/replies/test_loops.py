"""A reply that went on to the marketer and comes back, in whatever wrapping, goes round no second time."""

import pytest

from app.audience.suppressions import is_suppressed
from app.core.database import db, in_workspace
from app.messages.models import IncomingMail, Message
from app.tracking.mail_intake import take_in_mail
from tests.tracking.replies.test_forwarding import TARGET, Desk, desk

__all__ = ["desk"]

STATUS = f"""Content-Type: multipart/report; report-type=delivery-status; boundary=q

--q
Content-Type: text/plain

<{TARGET}>: 550 5.1.1 user unknown
--q
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {TARGET}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--q
Content-Type: message/rfc822

FORWARD
--q--
"""
PROSE = f"""
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{TARGET}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

FORWARD
"""
ATTACHED = """Content-Type: multipart/mixed; boundary=q

--q
Content-Type: text/plain

See attached.
--q
Content-Type: message/rfc822

FORWARD
--q--
"""
INLINE = """References: <ticket-1@corp.example>

-------- Forwarded message --------
FORWARD
"""


@pytest.mark.parametrize("report", [STATUS, PROSE], ids=["by fields", "in prose"])
def test_a_forward_that_bounces_says_nothing_of_the_person(desk: Desk, report: str) -> None:
    """The marketer's mailbox is gone; what is returned holds the person's reply, and with it our signs."""
    desk.hears()
    back = _comes_back(desk, "MAILER-DAEMON@mx.example.net", "no-reply@mail.example.com", report)
    assert back.kind == "bounce"
    assert back.message_id is None
    assert db.session.get_one(Message, desk.sent.message.id).state == "sent"
    with in_workspace(desk.sent.workspace.id):
        assert not is_suppressed(desk.sent.message.address)
    assert len(desk.outbox) == 1


@pytest.mark.parametrize("wrapping", [ATTACHED, INLINE], ids=["attached", "inline"])
def test_a_help_desk_that_sends_the_forward_on_in_a_mail_of_its_own(desk: Desk, wrapping: str) -> None:
    """Its mail bears neither our mark nor our name, and lands in a mailbox of the workspace that is read here."""
    desk.hears()
    back = _comes_back(desk, "tickets@corp.example", "replies@aviary.example.com", wrapping)
    assert (back.message_id, back.facts.get("forward")) == (None, None)
    assert len(desk.outbox) == 1


def _comes_back(desk: Desk, sender: str, to: str, body: str) -> IncomingMail:
    forward = desk.outbox[0].data.decode().replace("\r\n", "\n")
    raw = f"From: {sender}\nTo: {to}\nSubject: Re: Dovecote weekly\n{body}".replace("FORWARD", forward)
    mail = IncomingMail(
        digest=desk.sent.message.id.to_bytes(32),
        envelope_from="",
        envelope_to=to,
        raw=raw.replace("\n", "\r\n").encode(),
    )
    db.session.add(mail)
    db.session.commit()
    take_in_mail()
    desk.round()
    db.session.expire_all()
    return db.session.get_one(IncomingMail, mail.id)
