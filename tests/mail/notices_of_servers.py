"""Notices in the prose of groupware and of older servers, in our words."""

from tests.mail.notices import ADA, DEAD, GRACE, RETURNED, notice

SERVERS = {
    "exchange 5.5": notice(
        "System Administrator <postmaster@example.org>",
        "Undeliverable: Your weekly digest",
        """
Your message

  To:      Readers
  Subject: Your weekly digest
  Sent:    Thu, 5 Mar 2026 09:30:12 +0100

did not reach the following recipient(s):

ada@example.org on Thu, 5 Mar 2026 09:30:13 +0100
    The recipient name is not recognized
	MSEXCH:IMS:EXAMPLE:SITE:HOST 0 (000C05A6) Unknown Recipient
""",
        DEAD,
    ),
    "exchange, several": notice(
        "System Administrator <postmaster@example.org>",
        "Undeliverable: Your weekly digest",
        """
Your message did not reach some or all of the intended recipients.

      Subject: Your weekly digest
      Sent:    05.03.2026 09:30

The following recipient(s) could not be reached:

      Ada Lovelace (ada@example.org) on 05.03.2026 09:30
            The e-mail account does not exist at the organization this message was sent to.
            <mx.example.org #5.1.1>

      'grace@example.org' on 05.03.2026 09:30
            The recipient's mailbox is full.  <mx.example.org #5.2.2>
""",
        DEAD,
        (GRACE, "mailboxfull", False),
    ),
    "exchange as a page": notice(
        "Microsoft Outlook <postmaster@example.org>",
        "Undeliverable: Your weekly digest",
        """
<html><head><style>p { color: #111 } a@b.example {}</style></head><body>
<p><b>Delivery has failed to these recipients or groups:</b></p>
<p><a href="mailto:ada@example.org">ada@example.org</a><br>
The e-mail address you entered couldn&#39;t be found. Please check the address.</p>
<p>Diagnostic information for administrators:<br>mx.example.org<br>
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##</p></body></html>
""",
        DEAD,
        markup="html",
    ),
    "notes": notice(
        "Mail Router <postmaster@notes.example.org>",
        "DELIVERY FAILURE: User ada not listed in Domino Directory",
        """
Your message

  Subject: Your weekly digest

was not delivered to:

  ada@example.org

because:

  User ada (ada@example.org) not listed in Domino Directory
""",
        DEAD,
    ),
    "groupwise": notice(
        "Mail System <postmaster@gw.example.org>",
        "Message status - undeliverable",
        """
The message that you sent was undeliverable to the following:
	ada@example.org (mailbox is full)
""",
        (ADA, "mailboxfull", False),
    ),
    "mdaemon": notice(
        "MDaemon@mail.example.org",
        "Permanent Delivery Failure",
        """
The attached message could not be delivered, for good.

The following address did NOT receive a copy of your message:

> ada@example.org

--- Session Transcript ---
 Attempting SMTP connection to [192.0.2.7 : 25]
 220 mx.example.org ESMTP ready
 RCPT To:<ada@example.org>
 550 5.1.1 <ada@example.org>, no such user here
 QUIT
--- End Transcript ---
""",
        DEAD,
    ),
    "imail": notice(
        '"Postmaster" <postmaster@example.org>',
        "Undeliverable Mail",
        "Invalid final delivery userid: ada@example.org\n\n\nOriginal message follows.\n\nTo: bystander@example.net\n",
        DEAD,
    ),
    "imail, full": notice(
        '"Postmaster" <postmaster@example.org>',
        "Undeliverable Mail",
        "User mailbox exceeds allowed size: ada@example.org\n\n\nOriginal message follows.\n\nTo: grace@example.net\n",
        (ADA, "mailboxfull", False),
    ),
    "sendmail of old": notice(
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>",
        "Returned mail: User unknown",
        f"""
   ----- Transcript of session follows -----
While talking to mx.example.org:
>>> RCPT To:<ada@example.org>
<<< 550 5.1.1 User unknown here
550 <ada@example.org>... User unknown

   ----- Unsent message follows -----
{RETURNED}""",
        DEAD,
    ),
    "sendmail, several": notice(
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>",
        "Returned mail: see transcript for details",
        f"""
   ----- The following addresses had permanent fatal errors -----
<ada@example.org>
    (reason: 550 5.1.1 <ada@example.org>... User unknown)
<grace@example.org>
    (reason: 552 5.2.2 Mailbox full)

   ----- Transcript of session follows -----
... while talking to mx.example.org.:

   ----- Original message follows -----
{RETURNED}""",
        DEAD,
        (GRACE, "mailboxfull", False),
    ),
}
