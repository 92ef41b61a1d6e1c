"""Notices of failure written for people."""

import pytest

from app.mail.reading import read_mail
from tests.mail import letters
from tests.mail.letters import TOKEN, letter
from tests.mail.notices import ADA
from tests.mail.notices_of_others import OTHERS
from tests.mail.notices_of_servers import SERVERS

NOTICES = SERVERS | OTHERS


@pytest.mark.parametrize("name", NOTICES)
def test_prose_tells_who_and_why(name):
    expected = NOTICES[name]
    mail = read_mail(expected.raw)
    told = tuple((one.address, one.reason, one.suppress) for one in mail.recipients)
    assert (mail.kind, told) == (expected.kind, expected.told)


PERSON = "From: Ada Lovelace <ada@example.org>\nTo: hello@example.com\n"
QUOTED = (
    "Your message could not be delivered to the following recipient:\n\ngrace@example.org\n550 5.1.1 user unknown\n"
)


@pytest.mark.parametrize(
    ("head", "body", "kind"),
    [
        ("Subject: Fwd: Undelivered Mail Returned to Sender\n", QUOTED, "none"),
        (f"Subject: Undelivered mail\nIn-Reply-To: <{TOKEN}@mail.example.com>\n", QUOTED, "reply"),
        ("Subject: How is delivery going?\n", QUOTED, "none"),
        ("Subject: Delivery failed\n", QUOTED, "none"),
        ("Subject: Out of office\nReturn-Path: <>\n", QUOTED, "autoreply"),
        ("Subject: Re: failure notice\n", "Final-Recipient: rfc822; grace@example.org\nAction: failed\n", "none"),
        ("Subject: Our postmaster is ill\n", "The mail system is fine.\n", "none"),
    ],
)
def test_people_who_write_about_failures_are_people(head, body, kind):
    assert read_mail(letter(f"{PERSON}{head}\n{body}")).kind == kind


def test_a_parcel_that_could_not_be_delivered_is_no_mail():
    raw = "From: no-reply@parcels.example\nTo: hello@example.com\nSubject: Delivery failed\n\n"
    assert read_mail(letter(raw + "Your parcel could not be delivered to hello@example.com's desk.\n")).kind == "none"


@pytest.mark.parametrize(
    ("sender", "subject", "body"),
    [
        ("Parcels <noreply@parcels.example>", "Your delivery has failed", "We could not deliver to ada@example.org.\n"),
        (
            "Mail System <help@fraud.example>",
            "Undelivered messages",
            "5 mails for hello@example.com are held. Click!\n",
        ),
        ("Postmaster <a@fraud.example>", "Mail delivery failed: 3 returned", "hello@example.com is full. Verify!\n"),
        ("noreply@shop.example", "Returned mail: how to avoid it", "Was your message undeliverable? Buy our book.\n"),
    ],
)
def test_fraud_and_shops_that_borrow_the_words_are_no_bounce(sender, subject, body):
    assert read_mail(letter(f"From: {sender}\nTo: hello@example.com\nSubject: {subject}\n\n{body}")).kind == "none"


def test_a_postmaster_may_write_a_letter():
    raw = "From: postmaster@example.org\nSubject: New rules for bulk senders\n\nPlease publish a DMARC policy.\n"
    assert read_mail(letter(raw)).kind == "none"


def test_nobody_named_means_the_one_to_whom_the_returned_mail_was_written():
    raw = letters.dsn(
        prose="Delivery report unavailable.", returned="To: ada@example.org\nSubject: Your weekly digest\n"
    )
    (recipient,) = read_mail(raw).recipients
    assert (recipient.address, recipient.suppress) == (ADA, False)


def test_of_several_in_the_returned_mail_nobody_knows_which():
    raw = letters.dsn(prose="Delivery report unavailable.", returned="To: ada@example.org, grace@example.org\n")
    assert [one.address for one in read_mail(raw).recipients] == [""]


@pytest.mark.parametrize("bystander", ["help@example.net", "postmaster@example.net", "hello@example.com"])
def test_bystanders_are_not_recipients(bystander):
    raw = letter(
        "From: MAILER-DAEMON@example.net\nTo: hello@example.com\nSubject: Undeliverable\n\n"
        f"ada@example.org is unknown to us. Questions? {bystander}\n"
    )
    assert [one.address for one in read_mail(raw).recipients] == [ADA]


def told(text: str) -> tuple[str, str, bool]:
    raw = "From: MAILER-DAEMON@mx.example.org\nTo: hello@example.com\nSubject: failure notice\n\n"
    (one,) = read_mail(letter(raw + text)).recipients
    return one.address, one.reason, one.suppress


EXIM = "This message was created automatically by mail delivery software.\n\nThe following address(es) failed:\n\n"
HMAIL = "The following recipient(s) could not be reached:\n\nada@example.org\n   Error Type: SMTP\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        # Exim's own router, and another server's reply that Exim only passes on.
        (f"{EXIM}  ada@example.org\n    No such person at this address\n", "userunknown"),
        (f'{EXIM}  ada@example.org\n    unknown local-part "ada" in domain "example.org"\n', "userunknown"),
        (f"{EXIM}  ada@example.org\n    host mx.example.org: 550 no such person\n", "filtered"),
        (f"{EXIM}  ada@example.org\n    local delivery failed, command said: unknown user\n", "filtered"),
        # IONOS names the command.
        (
            f"{EXIM}  ada@example.org:\n    SMTP error from remote server for RCPT TO command, host: mx (192.0.2.1) "
            "reason: 550 unknown user\n",
            "userunknown",
        ),
        (
            f"{EXIM}  ada@example.org:\n    SMTP error from remote server for TEXT command, host: mx (192.0.2.1) "
            "reason: 550 unknown user\n",
            "filtered",
        ),
        # hMailServer shows the dialogue.
        (
            f"{HMAIL}   hMailServer sent: RCPT TO:<ada@example.org>\n   Remote server replied: 550 Unknown user\n",
            "userunknown",
        ),
        (f"{HMAIL}   hMailServer sent: DATA\n   Remote server replied: 550 Unknown user\n", "filtered"),
        # Gmail's states: 14 is RCPT, 17 and 18 come after DATA.
        (
            "Delivery to the following recipient failed:\n\n  ada@example.org\n\n550 unknown user (state 14)",
            "userunknown",
        ),
        ("Delivery to the following recipient failed:\n\n  ada@example.org\n\n550 unknown user (state 17)", "filtered"),
        # IMail, GroupWise and CommuniGate, of their own directories.
        ("Unknown user: ada@example.org\n", "userunknown"),
        ("The message was undeliverable to the following:\n  ada@example.org (user not found)\n", "userunknown"),
    ],
)
def test_where_a_system_says_that_it_asked(text: str, reason: str) -> None:
    assert told(text) == ("ada@example.org", reason, reason == "userunknown")
