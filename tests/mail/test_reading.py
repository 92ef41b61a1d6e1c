"""What is made of the mail that comes back."""

import pytest

from app.mail.reading import read_mail
from tests.mail import letters
from tests.mail.letters import RETURN_ADDRESS, TOKEN


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (letters.POSTFIX_UNKNOWN, "bounce"),
        (letters.EXIM_PROSE, "bounce"),
        (letters.EXCHANGE_FULL, "bounce"),
        (letters.QMAIL_PROSE, "bounce"),
        (letters.DELAY, "delayed"),
        (letters.SUCCESS, "delivered"),
        (letters.feedback("abuse"), "complaint"),
        (letters.JMRP, "complaint"),
        (letters.OUT_OF_OFFICE, "autoreply"),
        (letters.HUMAN_REPLY, "reply"),
        (letters.STRANGER, "none"),
        (letters.READ_RECEIPT, "none"),
    ],
)
def test_each_kind_of_mail_is_told_apart(raw, kind):
    assert read_mail(raw).kind == kind


def test_a_report_by_fields_says_everything():
    mail = read_mail(letters.POSTFIX_UNKNOWN)
    (recipient,) = mail.recipients
    assert recipient.address == "ada@example.org"
    assert recipient.original_address == "ada@example.org"
    assert (recipient.action, recipient.status, recipient.reply_code) == ("failed", "5.1.1", 550)
    assert recipient.remote_host == "mx.example.org"
    assert recipient.diagnostic.endswith("User unknown in virtual mailbox table")
    assert (recipient.reason, recipient.scope, recipient.persistence) == ("userunknown", "address", "permanent")
    assert recipient.suppress is True
    assert mail.from_address == "MAILER-DAEMON@mx.example.org"
    assert mail.subject == "Undelivered Mail Returned to Sender"
    assert "User unknown" in mail.evidence


def test_prose_of_exim_names_the_recipient_and_not_the_bystander():
    (recipient,) = read_mail(letters.EXIM_PROSE).recipients
    assert (recipient.address, recipient.reason, recipient.reply_code) == ("ada@example.org", "userunknown", 550)
    assert recipient.suppress is True


def test_prose_of_qmail_may_report_several():
    first, second = read_mail(letters.QMAIL_PROSE).recipients
    assert (first.address, first.reason, first.suppress) == ("ada@example.org", "userunknown", True)
    assert (second.address, second.reason, second.suppress) == ("grace@example.org", "mailboxfull", False)


def test_a_full_mailbox_is_not_a_dead_one():
    (recipient,) = read_mail(letters.EXCHANGE_FULL).recipients
    assert (recipient.reason, recipient.persistence, recipient.suppress) == ("mailboxfull", "temporary", False)


def test_a_delay_settles_nothing():
    (recipient,) = read_mail(letters.DELAY).recipients
    assert (recipient.reason, recipient.persistence, recipient.suppress) == ("networkerror", "delayed", False)


def test_a_delay_that_says_user_unknown_settles_nothing_either():
    group = "Final-Recipient: rfc822; ada@example.org\nAction: delayed\nStatus: 5.1.1\nDiagnostic-Code: 550 unknown"
    (recipient,) = read_mail(letters.dsn(group)).recipients
    assert (recipient.persistence, recipient.suppress) == ("delayed", False)


def test_a_success_is_no_failure():
    (recipient,) = read_mail(letters.SUCCESS).recipients
    assert (recipient.reason, recipient.scope, recipient.suppress) == ("delivered", "none", False)


def test_recipients_of_one_report_are_judged_each_by_itself():
    first, second = read_mail(letters.TWO_RECIPIENTS).recipients
    assert (first.reason, first.suppress) == ("userunknown", True)
    assert (second.reason, second.scope, second.suppress) == ("blocked", "sender-reputation", False)


def test_an_address_beyond_ascii_is_read_from_a_global_report():
    (recipient,) = read_mail(letters.GLOBAL).recipients
    assert (recipient.address, recipient.suppress) == ("张三@example.org", True)


@pytest.mark.parametrize(
    ("stage", "reason", "suppress"),
    [("RCPT TO command", "userunknown", True), ("end of DATA command", "filtered", False)],
)
def test_who_was_accepted_before_the_dot_is_not_unknown(stage, reason, suppress):
    group = "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: 550 user unknown"
    (recipient,) = read_mail(
        letters.dsn(group, prose=f"host mx said: 550 user unknown (in reply to {stage})")
    ).recipients
    assert (recipient.reason, recipient.suppress) == (reason, suppress)


def test_the_reason_may_stand_in_the_prose_alone():
    group = "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.0.0"
    (recipient,) = read_mail(letters.dsn(group, prose="The mailbox of this person is full.")).recipients
    assert recipient.reason == "mailboxfull"


def test_a_failure_without_a_readable_recipient_is_still_one_but_suppresses_nobody():
    raw = letters.letter(
        f"From: MAILER-DAEMON@example.org\nTo: {RETURN_ADDRESS}\nSubject: Returned mail\n\n550 5.1.1 User unknown\n"
    )
    mail = read_mail(raw)
    assert (mail.kind, mail.tokens) == ("bounce", (TOKEN,))
    assert [(recipient.address, recipient.reason, recipient.suppress) for recipient in mail.recipients] == [
        ("", "userunknown", False)
    ]


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "other", "opt-out", "Abuse"])
def test_who_asks_to_stop_complains(kind):
    mail = read_mail(letters.feedback(kind))
    assert (mail.kind, mail.feedback_type) == ("complaint", kind.lower())
    assert mail.tokens == (TOKEN,)
    assert not any(recipient.suppress for recipient in mail.recipients)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "dmarc"])
def test_other_feedback_is_no_complaint(kind):
    assert read_mail(letters.feedback(kind)).kind == "feedback"


def test_the_older_form_of_complaint_names_the_recipient():
    mail = read_mail(letters.JMRP)
    assert [recipient.address for recipient in mail.recipients] == ["ada@example.org"]
    assert (mail.feedback_type, mail.tokens) == ("abuse", (TOKEN,))


def test_tokens_come_in_order_of_trust():
    first, second, third, fourth = (letter * 26 for letter in "bcde")
    raw = letters.dsn(
        "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.1.1",
        to=f"B+{second.upper()}@BOUNCE.EXAMPLE.COM",
        envelope_id=f"\nOriginal-Envelope-Id: {third}",
        returned=f"Message-ID: <{fourth}@mail.example.com>\nX-Merpati-Message: {second}\n",
    )
    assert read_mail(raw, envelope_to=f"b+{first}@bounce.example.com").tokens == (first, second, third, fourth)


@pytest.mark.parametrize("raw", letters.ALL)
def test_no_letter_of_ours_loses_its_message(raw):
    if raw != letters.STRANGER and raw != letters.READ_RECEIPT:
        assert TOKEN in read_mail(raw).tokens


def test_line_ends_and_a_mailbox_line_do_not_matter():
    bare = b"From MAILER-DAEMON Sun Mar  1 09:30:12 2026\n" + letters.POSTFIX_UNKNOWN.replace(b"\r\n", b"\n")
    assert read_mail(bare) == read_mail(letters.POSTFIX_UNKNOWN)


def test_a_wrong_boundary_does_not_hide_the_report():
    broken = letters.POSTFIX_UNKNOWN.replace(b'boundary="4Rk2.9/mx.example.org"', b'boundary="other"')
    assert read_mail(broken).recipients == read_mail(letters.POSTFIX_UNKNOWN).recipients


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied (vacation)",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Auto-Response-Suppress: All",
        "Subject: Out of Office: digest",
        "Subject: =?utf-8?b?6Ieq5Yqo5Zue5aSNOiDkvaDlpb0=?=",
        "Subject: Abwesenheitsnotiz: Urlaub",
        "Subject: Re: Réponse automatique : Votre lettre",
        "Subject: =?iso-2022-jp?b?GyRCPCtGMEpWPy4bKEI=?=",
        "X-Precedence: auto_reply",
        "X-Autogenerated: Reply",
        "X-POST-MessageClass: 9; Autoresponder",
    ],
)
def test_automatic_answers_are_no_replies(header):
    assert read_mail(letters.letter(f"From: ada@example.org\n{header}\n\nAway.\n")).kind == "autoreply"


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "Precedence: bulk", "Subject: Office hours"])
def test_ordinary_mail_is_left_alone(header):
    assert read_mail(letters.letter(f"From: ada@example.org\n{header}\n\nHello.\n")).kind == "none"
