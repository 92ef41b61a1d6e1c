"""Reports by fields as systems really write them: glued, wrapped, torn, and in Amazon's JSON."""

import json
import random

import pytest

from app.mail.reading import read_mail
from tests.mail import letters
from tests.mail.letters import RETURN_ADDRESS, TOKEN, dsn, letter
from tests.mail.notices import ADA, GRACE
from tests.mail.retellings import RETELLINGS


def group(*, final: str = "rfc822; ada@example.org", more: str = "") -> str:
    return f"Final-Recipient: {final}\nAction: failed\nStatus: 5.1.1{more}"


def test_groups_that_lost_their_blank_lines_stay_apart():
    raw = dsn(f"{group()}\n{group(final='rfc822; grace@example.org')}")
    assert [one.address for one in read_mail(raw).recipients] == [ADA, GRACE]


def test_groups_that_begin_with_the_original_recipient_stay_whole():
    groups = [
        f"Original-Recipient: rfc822; {name}@old.example\n{group(final=f'rfc822; {name}@example.org')}"
        for name in ("ada", "grace")
    ]
    told = [(one.address, one.original_address) for one in read_mail(dsn("\n".join(groups))).recipients]
    assert told == [(ADA, "ada@old.example"), (GRACE, "grace@old.example")]


@pytest.mark.parametrize(
    "final",
    ["rfc822; |/usr/bin/sort-mail ada", "rfc822; /var/mail/a/ada", "RFC822; @mx.example.org", "rfc822; @mx:ada@server"],
)
def test_a_program_a_file_or_a_route_is_not_the_recipient(final):
    raw = dsn(group(final=final), prose="The following addresses had permanent errors:\n\n<ada@example.org>\n")
    assert [one.address for one in read_mail(raw).recipients] == [ADA]


def test_what_looks_encoded_in_an_address_is_part_of_it():
    raw = dsn(group(final="rfc822; =?utf-8?b?YWRh?=@example.org"))
    assert [one.address for one in read_mail(raw).recipients] == ["=?utf-8?b?YWRh?=@example.org"]


def test_a_program_behind_an_alias_does_not_condemn_the_alias():
    fields = "\nDiagnostic-Code: x-unix; sort-mail: no such user\nOriginal-Recipient: rfc822; ada@example.net"
    (recipient,) = read_mail(dsn(group(more=fields))).recipients
    assert (recipient.reason, recipient.suppress) == ("mailererror", False)


def test_a_report_inside_a_report_is_read():
    inner = dsn(group()).replace(b"\r\n", b"\n").decode()
    outer = letter(
        "From: MAILER-DAEMON@gate.example.net\nSubject: Returned mail\n"
        'Content-Type: multipart/mixed; boundary="outer"\n\n'
        "--outer\nContent-Type: text/plain\n\nThe notice is attached.\n"
        f"--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n"
    )
    mail = read_mail(outer)
    assert (mail.kind, [one.address for one in mail.recipients]) == ("bounce", [ADA])


def test_sendmails_transcript_names_data_for_a_refusal_at_rcpt():
    prose = ">>> DATA\n<<< 550 user unknown\n<<< 503 5.0.0 Need RCPT (recipient)"
    fields = (
        "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: 550 user unknown"
    )
    (recipient,) = read_mail(dsn(fields, prose=prose)).recipients
    assert recipient.suppress is True


def test_every_recipient_has_its_own_words_of_the_prose():
    fields = "Action: failed\nStatus: 5.0.0"
    raw = dsn(
        f"Final-Recipient: rfc822; ada@example.org\n{fields}",
        f"Final-Recipient: rfc822; grace@example.org\n{fields}",
        prose="<ada@example.org>: host mx said: 550 no such user\n    (in reply to RCPT TO command)\n\n"
        "<grace@example.org>: mailbox full\n",
    )
    assert [one.reason for one in read_mail(raw).recipients] == ["userunknown", "mailboxfull"]


def test_words_written_under_the_wrong_japanese_charset_are_read():
    head = f"From: postmaster@example.org\nTo: {RETURN_ADDRESS}\nSubject: Returned mail\n"
    head += "Content-Type: text/plain; charset=ISO-2022-JP\n\n"
    body = "次のあて先へ送信できませんでした。\n\n  ada@example.org\n  550 5.1.1 User unknown\n"
    (recipient,) = read_mail(head.encode() + body.encode("euc_jp")).recipients
    assert (recipient.address, recipient.suppress) == (ADA, True)


def notification(told: dict[str, object], *, wrapped: bool = False) -> bytes:
    text = json.dumps({"Type": "Notification", "Message": json.dumps(told)} if wrapped else told)
    head = "From: SNS <no-reply@sns.example>\nSubject: AWS Notification Message\n\n"
    return letter(f"{head}{text}\n\n--\nTo stop receiving these, visit https://sns.example/\n")


BOUNCED = {"emailAddress": ADA, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("told", "kind", "suppress"),
    [
        ({"notificationType": "Bounce", "bounce": {"bouncedRecipients": [BOUNCED]}}, "bounce", True),
        ({"notificationType": "Delivery", "delivery": {"recipients": [ADA]}}, "delivered", False),
        (
            {"notificationType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": ADA}]}},
            "complaint",
            False,
        ),
    ],
)
def test_notifications_of_ses_by_mail(told, kind, suppress, wrapped):
    mail = read_mail(notification(told, wrapped=wrapped))
    assert (mail.kind, [(one.address, one.suppress) for one in mail.recipients]) == (kind, [(ADA, suppress)])


@pytest.mark.parametrize("name", ["packed", "a page", "blocks", "under a warning", "base64"])
def test_notifications_of_ses_that_a_gateway_dressed(name):
    raw = notification({"notificationType": "Bounce", "bounce": {"bouncedRecipients": [BOUNCED]}})
    told = read_mail(RETELLINGS[name](raw, random.Random(1)))
    assert (told.kind, [(one.address, one.suppress) for one in told.recipients]) == ("bounce", [(ADA, True)])


@pytest.mark.parametrize(
    "told", [{"notificationType": "Bounce"}, {"notificationType": "Bounce", "bounce": []}, {"a": 1}]
)
def test_notifications_that_name_nobody_are_none(told):
    assert read_mail(notification(told)).kind == "none"


def test_a_long_line_that_a_relay_broke_is_mended():
    raw = notification({"notificationType": "Bounce", "bounce": {"bouncedRecipients": [BOUNCED]}})
    assert [one.address for one in read_mail(raw.replace(b"ada@exa", b"ada@e!\r\n xa")).recipients] == [ADA]


def test_a_request_to_leave_by_apple_mail_is_no_automatic_answer():
    raw = letter(
        f"From: ada@example.org\nTo: u+{TOKEN}@bounce.example.com\nSubject: unsubscribe\n"
        "Auto-Submitted: auto-replied\n\nApple Mail sent this to unsubscribe you.\n"
    )
    mail = read_mail(raw)
    assert (mail.kind, mail.feedback_type, mail.tokens) == ("complaint", "opt-out", (TOKEN,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Content-Type: message/feedback-report", b"Content-Type: text/plain"),
        (b"Original-Rcpt-To: <ada@example.org>\r\n", b""),
        (b"Content-Type: message/feedback-report\r\n", b"Content-Type: message/feedback-report\r\n\r\n"),
    ],
)
def test_torn_complaints_are_complaints_still(old, new):
    raw = letters.feedback("abuse", recipient=ADA)
    assert old in raw
    mail = read_mail(raw.replace(old, new))
    assert (mail.kind, [one.address for one in mail.recipients]) == ("complaint", [ADA])


def test_the_older_form_of_complaint_may_lack_its_wrapping():
    raw = letter(f"From: staff@hotmail.example\nSubject: complaint\nX-HmXmrOriginalRecipient: {ADA}\n\nGood morning.\n")
    mail = read_mail(raw)
    assert (mail.kind, [one.address for one in mail.recipients]) == ("complaint", [ADA])


@pytest.mark.parametrize("action", ["delivered", "relayed (to a system without reports)", "expanded"])
def test_every_form_of_success_is_one(action):
    raw = dsn(f"Final-Recipient: rfc822; ada@example.org\nAction: {action}\nStatus: 2.1.5")
    mail = read_mail(raw)
    assert (mail.kind, [one.reason for one in mail.recipients]) == ("delivered", ["delivered"])


def test_a_success_in_prose_names_whom_it_reached():
    raw = "From: MAILER-DAEMON@example.org\nSubject: Successful Mail Delivery Report\n\n<ada@example.org>: delivered\n"
    mail = read_mail(letter(raw))
    assert (mail.kind, [one.address for one in mail.recipients]) == ("delivered", [ADA])


@pytest.mark.parametrize(
    "field",
    [
        f"X-Original-Message-ID: <{TOKEN}@mail.example.com>",
        f"X-Postfix-Sender: rfc822; {RETURN_ADDRESS}",
    ],
)
def test_a_reports_own_fields_may_be_all_that_names_our_message(field):
    raw = dsn(group(more=f"\n{field}"), returned="Subject: none of ours\n", to="hello@example.com")
    assert read_mail(raw).tokens == (TOKEN,)


@pytest.mark.parametrize(
    "field",
    [f"Original-Mail-From: <{RETURN_ADDRESS}>", f"Original-Envelope-Id: {TOKEN}", f"X-Merpati-Message: {TOKEN}"],
)
def test_a_complaint_whose_mail_was_cut_off_keeps_its_token(field):
    raw = letter(
        "From: fbl@provider.example\nTo: fbl@example.com\nSubject: Complaint\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n{field}\n"
        "Redacted-Address: ada@\n\n--b--\n"
    )
    mail = read_mail(raw)
    assert (mail.kind, mail.recipients, mail.tokens) == ("complaint", (), (TOKEN,))
