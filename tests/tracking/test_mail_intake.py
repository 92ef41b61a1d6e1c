"""What comes back by mail: bounces, complaints, answers, wishes to leave; and what forgers send."""

from hashlib import sha256

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.erasure import erase
from app.audience.models import Suppression
from app.audience.suppressions import is_suppressed
from app.core.database import db, in_workspace
from app.core.tokens import Keyring, Purpose
from app.messages.models import IncomingMail
from app.tracking import mail_intake
from app.tracking.mail_intake import take_in_mail
from tests.factories.messages import Sent, sent_message


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    return sent_message(workspace)


def dsn(
    token: str,
    *,
    recipient: str = "ada@example.org",
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
) -> bytes:
    """A report in the form Postfix gives it."""
    return f"""Return-Path: <>
Received: by mx.example.net (Postfix) id 4Zk1x72Qsz; Thu, 5 Mar 2026 09:30:12 +0000 (UTC)
Date: Thu, 5 Mar 2026 09:30:12 +0000 (UTC)
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: b+{token}@bounces.example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="4Zk1x72Qsz.1772703012/mx.example.net"

This is a MIME-encapsulated message.

--4Zk1x72Qsz.1772703012/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net.

<{recipient}>: host mail.example.org[192.0.2.25] said: {said} (in reply to RCPT TO command)

--4Zk1x72Qsz.1772703012/mx.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Sender: rfc822; b+{token}@bounces.example.com
Arrival-Date: Thu, 5 Mar 2026 09:30:10 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; {said}

--4Zk1x72Qsz.1772703012/mx.example.net
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Message-ID: <{token}@mail.example.com>
Subject: Dovecote weekly

--4Zk1x72Qsz.1772703012/mx.example.net--
""".replace("\n", "\r\n").encode()


def complaint(token: str) -> bytes:
    return f"""From: feedback@fbl.example.net
To: b+{token}@bounces.example.com
Subject: Complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="fbl"

--fbl
Content-Type: text/plain

A person pressed the spam button.

--fbl
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: FBL/1.0
Version: 1

--fbl
Content-Type: text/rfc822-headers

Message-ID: <{token}@mail.example.com>

--fbl--
""".replace("\n", "\r\n").encode()


def note_from_ada(subject: str, token: str, extra: str = "") -> bytes:
    text = f"""From: Ada <ada@example.org>
To: b+{token}@bounces.example.com
Subject: {subject}
In-Reply-To: <{token}@mail.example.com>
{extra}
User unknown? No: I am on leave until Monday.
"""
    return text.replace("\n", "\r\n").encode()


def arrive(raw: bytes, token: str, *, kind: str = "b") -> IncomingMail:
    """Put a mail where the listener puts it, and take in what waits."""
    to = f"{kind}+{token}@bounces.example.com"
    mail = IncomingMail(digest=sha256(to.encode() + raw).digest(), envelope_from="", envelope_to=to, raw=raw)
    db.session.add(mail)
    db.session.commit()
    take_in_mail()
    db.session.expire_all()
    return mail


def suppression(sent: Sent) -> Suppression | None:
    with in_workspace(sent.workspace.id):
        found: Suppression | None = db.session.scalar(select(Suppression).where(Suppression.lifted_at.is_(None)))
        return found


def test_a_dead_address_is_suppressed_and_its_message_bounced(sent: Sent) -> None:
    mail = arrive(dsn(sent.mail_token), sent.mail_token)

    assert (sent.now().state, sent.now().reason) == ("bounced", "userunknown")
    found = suppression(sent)
    assert found is not None
    assert (found.reason, found.hint, found.message_id) == ("bounced", "a…@example.org", sent.message.id)
    assert "User unknown" in found.evidence
    (event,) = sent.events("bounced")
    assert event.data["status"] == "5.1.1"
    assert (mail.kind, mail.message_id, mail.workspace_id) == ("bounce", sent.message.id, sent.workspace.id)
    assert mail.handled_at is not None


def test_the_same_report_again_changes_nothing(sent: Sent) -> None:
    mail = arrive(dsn(sent.mail_token), sent.mail_token)
    mail.handled_at = None
    db.session.commit()
    take_in_mail()
    assert len(sent.events("bounced")) == 1


def test_what_readers_of_other_rooms_see_to_waits_for_bounces(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in_mail()
    states: list[str] = []

    def read(_mail: IncomingMail) -> str:
        states.append(sent.now().state)
        return "read"

    monkeypatch.setattr(mail_intake, "READERS", [mail_intake.Reader(lambda raw: b"report" in raw, read)])
    monkeypatch.setattr(mail_intake, "BATCH", 2)
    arrived = [(b"Subject: report %d" % number, "dmarc") for number in range(3)]
    arrived += [(b"Subject: something else", "x"), (dsn(sent.mail_token), f"b+{sent.mail_token}")]
    mails = [
        IncomingMail(digest=sha256(raw).digest(), envelope_from="", envelope_to=f"{to}@bounces.example.com", raw=raw)
        for raw, to in arrived
    ]
    db.session.add_all(mails)
    db.session.commit()
    assert take_in_mail() == 5
    assert states == ["bounced"] * 3
    assert [mail.note for mail in mails[:4]] == ["read"] * 3 + ["no token of ours; nothing was changed"]


def test_a_flood_by_strangers_waits_for_a_bounce(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in_mail()
    monkeypatch.setattr(mail_intake, "BATCH", 2)
    forged = "b+abcdefghijklmnopqrstuvwx23"
    arrived = [(b"Subject: stranger %d" % number, forged if number % 2 else "x") for number in range(5)]
    arrived.append((dsn(sent.mail_token), f"b+{sent.mail_token}"))
    mails = [
        IncomingMail(digest=sha256(raw).digest(), envelope_from="", envelope_to=f"{to}@bounces.example.com", raw=raw)
        for raw, to in arrived
    ]
    db.session.add_all(mails)
    db.session.commit()
    looks = iter([False])
    assert take_in_mail(lambda: next(looks, True)) == 1
    assert sent.now().state == "bounced"
    assert [mail.handled_at is None for mail in mails] == [True] * 5 + [False]
    assert take_in_mail() == 5


def test_an_uncertain_message_is_settled_by_a_bounce(workspace: Workspace) -> None:
    sent = sent_message(workspace, state="uncertain")
    arrive(dsn(sent.mail_token), sent.mail_token)
    assert sent.now().state == "bounced"


def test_a_forged_token_changes_nothing(sent: Sent) -> None:
    foreign = Keyring("the secret key of quite another installation")
    link_token = sent.token.lower().replace("_", "a").replace("-", "b").ljust(26, "a")[:26]
    for token in (
        foreign.sign_for_mail(Purpose.RETURN_PATH, sent.message.id),
        ("b" if sent.mail_token[0] != "b" else "c") + sent.mail_token[1:],
        link_token,
    ):
        mail = arrive(dsn(token), token)
        assert mail.handled_at is not None
        assert "nothing was changed" in mail.note
    assert suppression(sent) is None
    assert sent.now().state == "sent"
    assert sent.events() == []


FORWARDED = "550 5.1.1 User unknown in virtual mailbox table"


@pytest.mark.parametrize("other", ["grace@example.org", "stranger@elsewhere.test"])
def test_a_failure_of_somebody_elses_address_is_kept_and_suppresses_nobody(sent: Sent, other: str) -> None:
    mail = arrive(dsn(sent.mail_token, recipient=other, said=FORWARDED), sent.mail_token)

    assert suppression(sent) is None
    assert (sent.now().state, sent.now().reason) == ("bounced", "forwarded")
    (event,) = sent.events("bounced")
    assert (event.data["recipient"], event.data["effect"], event.data["persistence"]) == (other, "score", "temporary")
    assert other in mail.facts["evidence"]
    assert "the address is kept" in mail.note


def test_what_the_other_address_says_of_us_counts_for_nobody(sent: Sent) -> None:
    said = "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using a blocklist"
    arrive(dsn(sent.mail_token, recipient="other@elsewhere.test", status="5.7.1", said=said), sent.mail_token)
    (event,) = sent.events("bounced")
    assert event.data["effect"] == "note"


def test_afterwards_the_address_itself_may_still_fail(sent: Sent) -> None:
    arrive(dsn(sent.mail_token, recipient="other@elsewhere.test", said=FORWARDED), sent.mail_token)
    arrive(dsn(sent.mail_token), sent.mail_token)
    assert suppression(sent) is not None


@pytest.mark.parametrize(
    "named", ["ADA@EXAMPLE.ORG", "ada+news@example.org", "ada@mail.example.org", "ada@mx1.internal", "ada"]
)
def test_the_address_in_another_spelling_is_the_address(sent: Sent, named: str) -> None:
    arrive(dsn(sent.mail_token, recipient=named, said=FORWARDED), sent.mail_token)
    assert suppression(sent) is not None


def test_an_alias_whose_report_names_ours_is_the_address(sent: Sent) -> None:
    other = "a.lovelace@house.example"
    raw = dsn(sent.mail_token, recipient=other, said=FORWARDED)
    raw = raw.replace(b"<a.lovelace@house.example>:", b"<a.lovelace@house.example> (expanded from <ada@example.org>):")
    arrive(raw, sent.mail_token)
    assert suppression(sent) is not None


@pytest.mark.parametrize(
    ("named", "counts"),
    [
        ("ada@example.org", True),
        ("redacted@example.net", True),
        ("grace@example.org", False),
        ("x@elsewhere.test", False),
    ],
)
def test_a_complaint_is_of_whom_it_names(sent: Sent, named: str, counts: bool) -> None:
    raw = complaint(sent.mail_token).replace(b"Version: 1", f"Version: 1\r\nOriginal-Rcpt-To: {named}".encode())
    mail = arrive(raw, sent.mail_token)
    assert (suppression(sent) is not None) is counts
    assert ("names somebody else" in mail.note) is not counts


@pytest.mark.parametrize(("kind", "reason"), [("opt-out", "unsubscribed"), ("opt-out-list", None)])
def test_a_request_by_a_provider_is_a_wish_and_no_complaint(sent: Sent, kind: str, reason: str | None) -> None:
    arrive(complaint(sent.mail_token).replace(b"abuse", kind.encode()), sent.mail_token)
    found = suppression(sent)
    assert (found.reason if found else None) == reason
    assert sent.state_on() == "unsubscribed"
    assert [event.kind for event in sent.events()] == ["unsubscribed"]


@pytest.mark.parametrize("kind", ["opt-out", "opt-out-list"])
def test_a_request_by_a_provider_is_called_one_among_incoming_mail(sent: Sent, as_ada: FlaskClient, kind: str) -> None:
    mail = arrive(complaint(sent.mail_token).replace(b"abuse", kind.encode()), sent.mail_token)
    base = f"/w/{sent.workspace.slug}/incoming"
    for page in (as_ada.get(base).text.partition("<tbody>")[2], as_ada.get(f"{base}/{mail.id}").text):
        assert "Asks to be taken off" in page
        assert "</svg>Complaint</span>" not in page
        assert "Unsubscribed, as the mailbox provider reported" in page


def test_a_valid_token_does_not_suppress_somebody_else(sent: Sent, workspace: Workspace) -> None:
    grace = sent_message(workspace, "grace@example.org")
    report = dsn(sent.mail_token, recipient="grace@example.org")
    arrive(report, sent.mail_token)
    with in_workspace(workspace.id):
        assert not is_suppressed(grace.person)
    assert grace.now().state == "sent"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("4.4.1", "connect to mail.example.org[192.0.2.25]:25: Connection timed out"),
        ("5.2.2", "552 5.2.2 <ada@example.org>: mailbox full, over quota"),
        ("5.7.1", "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using a blocklist"),
    ],
)
def test_what_is_not_the_addresss_end_keeps_it(sent: Sent, status: str, said: str) -> None:
    mail = arrive(dsn(sent.mail_token, status=status, said=said), sent.mail_token)
    assert suppression(sent) is None
    assert sent.now().state == "bounced"
    assert "the address is kept" in mail.note


def test_a_delay_is_only_noted(sent: Sent) -> None:
    arrive(dsn(sent.mail_token, action="delayed", status="4.4.1", said="connection timed out"), sent.mail_token)
    assert sent.now().state == "sent"
    assert [event.kind for event in sent.events()] == ["deferred"]
    assert suppression(sent) is None


def test_a_complaint_suppresses(sent: Sent) -> None:
    arrive(complaint(sent.mail_token), sent.mail_token)
    found = suppression(sent)
    assert found is not None
    assert found.reason == "complained"
    assert [event.kind for event in sent.events()] == ["complained"]
    assert sent.now().state == "sent"


@pytest.mark.parametrize(("extra", "kind"), [("Auto-Submitted: auto-replied\n", "auto-replied"), ("", "replied")])
def test_answers_change_nothing(sent: Sent, extra: str, kind: str) -> None:
    arrive(note_from_ada("Re: Dovecote weekly", sent.mail_token, extra), sent.mail_token)
    assert [event.kind for event in sent.events()] == [kind]
    assert suppression(sent) is None
    assert (sent.now().state, sent.state_on()) == ("sent", "confirmed")


def test_a_report_faster_than_our_record_waits(workspace: Workspace) -> None:
    sent = sent_message(workspace, state="sending")
    mail = arrive(dsn(sent.mail_token), sent.mail_token)
    assert mail.handled_at is None
    assert suppression(sent) is None

    sent.message.state = "sent"
    db.session.commit()
    assert take_in_mail() == 1

    assert sent.now().state == "bounced"
    assert suppression(sent) is not None


def test_one_that_waits_does_not_hold_up_the_others(sent: Sent, workspace: Workspace) -> None:
    early = sent_message(workspace, "grace@example.org", state="sending")
    waiting = arrive(dsn(early.mail_token, recipient="grace@example.org"), early.mail_token)
    arrive(dsn(sent.mail_token), sent.mail_token)
    assert waiting.handled_at is None
    assert sent.now().state == "bounced"
    early.message.state = "sent"
    db.session.commit()
    take_in_mail()


def test_a_mail_to_the_unsubscribe_address_unsubscribes(sent: Sent, visitor: FlaskClient) -> None:
    raw = b"From: ada@example.org\r\nTo: u\r\nSubject: unsubscribe\r\n\r\n"
    arrive(raw, sent.mail_token, kind="u")
    arrive(raw + b"again\r\n", sent.mail_token, kind="u")
    assert sent.state_on() == "unsubscribed"
    assert sent.consent()[-1] == ("withdrawn", "mailto")
    (event,) = sent.events("unsubscribed")
    assert event.data["by"] == "mail"
    visitor.post(f"/u/{sent.token}")
    assert len(sent.events("unsubscribed")) == 1


def test_an_automatic_answer_to_the_unsubscribe_address_does_not(sent: Sent) -> None:
    arrive(note_from_ada("Out of office", sent.mail_token, "Auto-Submitted: auto-replied\n"), sent.mail_token, kind="u")
    assert sent.state_on() == "confirmed"


def test_a_bounce_about_who_was_erased(sent: Sent) -> None:
    token = sent.mail_token
    with in_workspace(sent.workspace.id):
        erase(sent.person)
        db.session.commit()
    mail = arrive(dsn(token), token)
    assert mail.handled_at is not None
    assert "could not be worked through" not in mail.note


@pytest.mark.parametrize("raw", [b"", b"\0\xff" * 50, b"Content-Type: multipart/report; boundary=x\r\n\r\n--x"])
def test_rubbish_is_put_aside(sent: Sent, raw: bytes) -> None:
    mail = arrive(raw, sent.mail_token)
    assert mail.handled_at is not None
    assert sent.now().state == "sent"
    assert suppression(sent) is None


def test_two_workspaces_with_the_same_address_stay_apart(sent: Sent) -> None:
    from app.accounts.setup import create_workspace

    other = create_workspace("Other aviary")
    db.session.commit()
    twin = sent_message(other)
    arrive(dsn(sent.mail_token), sent.mail_token)
    assert twin.now().state == "sent"
    with in_workspace(other.id):
        assert not is_suppressed(twin.person)
