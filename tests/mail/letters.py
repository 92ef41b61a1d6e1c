"""Mail that comes back, written for these tests in the forms that mail systems use."""

TOKEN = "abcdefghijklmnopqrstuvwx23"
RETURN_ADDRESS = f"b+{TOKEN}@bounce.example.com"


def letter(text: str) -> bytes:
    """The text as it comes over the wire."""
    return text.lstrip("\n").replace("\n", "\r\n").encode()


def dsn(
    *groups: str,
    prose: str = "Your message could not be delivered.",
    returned: str = f"Message-ID: <{TOKEN}@mail.example.com>\nSubject: Your weekly digest\n",
    to: str = RETURN_ADDRESS,
    envelope_id: str = "",
    status_type: str = "message/delivery-status",
) -> bytes:
    """A report as RFC 3464 has it."""
    status = "\n\n".join([f"Reporting-MTA: dns; mx.example.org{envelope_id}", *groups])
    return letter(f"""
Return-Path: <>
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: <{to}>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4Rk2.9/mx.example.org"

This is a MIME-encapsulated message.

--4Rk2.9/mx.example.org
Content-Type: text/plain; charset=us-ascii

{prose}

--4Rk2.9/mx.example.org
Content-Type: {status_type}

{status}

--4Rk2.9/mx.example.org
Content-Type: message/rfc822

{returned}
--4Rk2.9/mx.example.org--
""")


POSTFIX_UNKNOWN = dsn(
    """
Final-Recipient: rfc822; ada@example.org
Original-Recipient: rfc822;ada@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected:
    User unknown in virtual mailbox table""".strip(),
    envelope_id=f"\nOriginal-Envelope-Id: {TOKEN}",
    prose="""<ada@example.org>: host mx.example.org[192.0.2.7] said: 550 5.1.1
    <ada@example.org>: Recipient address rejected: User unknown in virtual
    mailbox table (in reply to RCPT TO command)""",
)

EXIM_PROSE = letter(f"""
Return-path: <>
X-Failed-Recipients: ada@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@relay.example.org>
To: {RETURN_ADDRESS}
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ada@example.org
    host mx.example.org [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<ada@example.org>:
    550 5.1.1 No such user here

------ This is a copy of the message, including all the headers. ------

Message-ID: <{TOKEN}@mail.example.com>
To: bystander@example.net
""")

EXCHANGE_FULL = dsn(
    """
Final-Recipient: rfc822;ada@example.org
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp;554 5.2.2 mailbox full; STOREDRV.Deliver; the mailbox is over its quota
X-Display-Name: Ada Lovelace""".strip(),
    prose="Delivery has failed to these recipients or groups:\n\nAda Lovelace\nThe recipient's mailbox is full.",
)

QMAIL_PROSE = letter(f"""
Return-Path: <>
From: MAILER-DAEMON@qmail.example.org
To: {RETURN_ADDRESS}
Subject: failure notice

Hi. This is the qmail-send program at qmail.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ada@example.org>:
192.0.2.7 does not like recipient.
Remote host said: 550 5.1.1 no such user
Giving up on 192.0.2.7.

<grace@example.org>:
The users mailfolder is over the allowed quota (size).

--- Below this line is a copy of the message.

Return-Path: <{RETURN_ADDRESS}>
""")

DELAY = dsn(
    """
Final-Recipient: rfc822; ada@example.org
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; connect to mx.example.org[192.0.2.7]:25: Connection timed out
Will-Retry-Until: Thu, 5 Mar 2026 09:30:12 +0000""".strip()
)

SUCCESS = dsn("Final-Recipient: rfc822; ada@example.org\nAction: delivered\nStatus: 2.0.0")

TWO_RECIPIENTS = dsn(
    "Final-Recipient: rfc822; ada@example.org\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
    "Final-Recipient: rfc822; grace@example.org\nAction: failed\nStatus: 5.7.1\n"
    "Diagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
)

GLOBAL = dsn(
    "Final-Recipient: utf-8; \\x{5F20}\\x{4E09}@example.org\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
    status_type="message/global-delivery-status",
)


def feedback(kind: str, *, recipient: str = "redacted@example.org") -> bytes:
    """A feedback report as RFC 5965 has it."""
    return letter(f"""
From: <feedback@fbl.example.net>
To: <fbl@example.com>
Subject: FW: Your weekly digest
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part-1"

--part-1
Content-Type: text/plain

This is an email abuse report for a message received from 192.0.2.1.

--part-1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: ExampleFBL/1.0
Version: 1
Original-Rcpt-To: <{recipient}>
Source-IP: 192.0.2.1

--part-1
Content-Type: message/rfc822

From: Weekly Digest <news@example.com>
To: <{recipient}>
Message-ID: <removed@example.net>
X-Merpati-Message: {TOKEN}
Subject: Your weekly digest

Good morning.
--part-1--
""")


JMRP = letter(f"""
From: staff@hotmail.example
To: <fbl@example.com>
Subject: complaint about message from 192.0.2.1
Content-Type: multipart/mixed; boundary="b1"

--b1
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: ada@example.org
Message-ID: <{TOKEN}@mail.example.com>
Subject: Your weekly digest

Good morning.
--b1--
""")

OUT_OF_OFFICE = letter(f"""
From: Ada Lovelace <ada@example.org>
To: Weekly Digest <hello@example.com>
Subject: Automatic reply: Your weekly digest
In-Reply-To: <{TOKEN}@mail.example.com>
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All

I am on leave until Monday. Nobody could be reached at my old address ada@example.net: user unknown.
""")

HUMAN_REPLY = letter(f"""
From: Ada Lovelace <ada@example.org>
To: Weekly Digest <hello@example.com>
Subject: Re: Your weekly digest
In-Reply-To: <{TOKEN}@mail.example.com>
References: <{TOKEN}@mail.example.com>

Lovely issue! By the way, mail to grace@example.org came back as undeliverable: 550 5.1.1 user unknown.
""")

STRANGER = letter("""
From: Grace Hopper <grace@example.org>
To: hello@example.com
Subject: A question

Do you take advertisements?
""")

READ_RECEIPT = letter(f"""
From: Ada Lovelace <ada@example.org>
To: hello@example.com
Subject: Read: Your weekly digest
Content-Type: multipart/report; report-type=disposition-notification; boundary="r"

--r
Content-Type: text/plain

Your message was displayed.

--r
Content-Type: message/disposition-notification

Reporting-UA: mail.example.org
Final-Recipient: rfc822;ada@example.org
Original-Message-ID: <{TOKEN}@mail.example.com>
Disposition: manual-action/MDN-sent-manually; displayed
--r--
""")

ALL = (
    *(
        POSTFIX_UNKNOWN,
        EXIM_PROSE,
        EXCHANGE_FULL,
        QMAIL_PROSE,
        DELAY,
        SUCCESS,
        TWO_RECIPIENTS,
        GLOBAL,
        feedback("abuse"),
    ),
    *(JMRP, OUT_OF_OFFICE, HUMAN_REPLY, STRANGER, READ_RECEIPT),
)

ADA = "ada@example.org"
# By name: the kind, and who is dead.
LABELLED: tuple[tuple[str, str, tuple[tuple[str, bool | None], ...]], ...] = (
    ("POSTFIX_UNKNOWN", "bounce", ((ADA, True),)),
    ("EXIM_PROSE", "bounce", ((ADA, True),)),
    ("EXCHANGE_FULL", "bounce", ((ADA, False),)),
    ("QMAIL_PROSE", "bounce", ((ADA, True), ("grace@example.org", False))),
    ("DELAY", "bounce", ((ADA, False),)),
    ("SUCCESS", "delivered", ((ADA, False),)),
    ("TWO_RECIPIENTS", "bounce", ((ADA, True), ("grace@example.org", False))),
    ("JMRP", "arf", ((ADA, False),)),
    ("OUT_OF_OFFICE", "autoreply", ()),
    ("HUMAN_REPLY", "none", ()),
    ("STRANGER", "none", ()),
    ("READ_RECEIPT", "none", ()),
)
