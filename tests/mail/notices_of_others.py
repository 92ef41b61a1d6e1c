"""Notices in the prose of smaller servers, of providers, gateways and other languages, in our words."""

from tests.mail.notices import ADA, DEAD, RETURNED, notice

OTHERS = {
    "opensmtpd": notice(
        "Mailer Daemon <MAILER-DAEMON@mx.example.net>",
        "Delivery status notification: error",
        f"""
Hi! This is the daemon that carries the mail of mx.example.net.

It gave up on the message for the following recipients:

    ada@example.org: 550 5.1.1 no such recipient

Below is a copy of the original message:

{RETURNED}""",
        DEAD,
    ),
    "dragonfly": notice(
        "MAILER-DAEMON <>",
        "Mail delivery failed",
        f"""
There was an error delivering your mail to <ada@example.org>.

mx.example.org [192.0.2.7] did not like our RCPT TO:
550 no such user

Message headers follow.

{RETURNED}""",
        DEAD,
    ),
    "gmail of old": notice(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        "Delivery Status Notification (Failure)",
        f"""
Delivery to the following recipient failed permanently:

     ada@example.org

Technical details of permanent failure:
It was rejected by the server for example.org by mx.example.org. [192.0.2.7].

The error that the other server returned was:
550 5.1.1 <ada@example.org>... User unknown

----- Original message -----

{RETURNED}""",
        DEAD,
        more="X-Failed-Recipients: ada@example.org\n",
    ),
    "gmail, delayed": notice(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        "Delivery Status Notification (Delay)",
        """
THIS IS A WARNING MESSAGE ONLY.

Delivery to the following recipient has been delayed:

     ada@example.org

Message will be retried for 2 more day(s)
""",
        (ADA, "expired", False),
        kind="delayed",
    ),
    "zoho": notice(
        "mailer-daemon@mail.zoho.example",
        "Undelivered Mail Returned to Sender",
        f"""
A message that you sent could not be delivered to one or more of its recipients.

ada@example.org Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <ada@example.org>... User unknown


{RETURNED}""",
        DEAD,
    ),
    "m-filter": notice(
        "<>",
        "failure notice",
        """
このメールは送信できませんでした。

以下のメールアドレスへの送信に失敗しました。
ada@example.org


-------server message
550 ada@example.org... No such user

-------SMTP command
DATA

-------original mail info
From: bystander@example.net
""",
        (ADA, "filtered", False),
        charset="iso-2022-jp",
    ),
    "a japanese carrier": notice(
        "Postmaster@carrier.example",
        "Mail System Error - Returned Mail",
        """
次のあて先へのメッセージはエラーのため送信できませんでした。

Each of the following recipients was rejected by a remote mail server.

    Recipient: <ada@example.org>
    >>> RCPT TO:<ada@example.org>
    <<< 550 5.1.1 <ada@example.org>: User unknown
""",
        DEAD,
        charset="iso-2022-jp",
    ),
    "a chinese provider": notice(
        "MAILER-DAEMON@provider.example",
        "系统退信",
        """
很抱歉，您的邮件无法投递到以下收件人：

<ada@example.org>:
550 5.1.1 user not found
""",
        DEAD,
        charset="gb2312",
    ),
    "russian words": notice(
        "mailer-daemon@provider.example",
        "Undelivered Mail Returned to Sender",
        """
Ваше сообщение не может быть доставлено следующим получателям:

    ada@example.org

552 5.2.2 mailbox full
""",
        (ADA, "mailboxfull", False),
        charset="koi8-r",
    ),
    "german words": notice(
        "Postmaster <postmaster@example.net>",
        "Ihre Nachricht konnte nicht zugestellt werden",
        """
Ihre Nachricht konnte an folgende Empfänger nicht zugestellt werden:

    ada@example.org
    mx.example.org hat abgelehnt: 550 5.1.1 mailbox unavailable, no such user
""",
        DEAD,
        charset="iso-8859-1",
    ),
    "a text gateway": notice(
        "post_master@carrier.example",
        "Re:Your weekly digest",
        """
Error: Invalid user address

Error message below:
550 - Requested action not taken: no such user here

Message details:
  MAIL FROM: news@example.com
  RCPT TO: ada@example.org
""",
        DEAD,
    ),
    "interscan": notice(
        '"Gateway" <postmaster@example.net>',
        "Mail could not be delivered",
        """
Sent <<< RCPT TO:<ada@example.org>
Received >>> 550 5.1.1 <ada@example.org>... user unknown
""",
        DEAD,
    ),
    "delayed by qmail": notice(
        "MAILER-DAEMON@mx.example.net",
        "failure notice",
        """
Hi. I could not deliver your message to the following addresses.

<ada@example.org>:
Connected to 192.0.2.7 but my name was rejected.
Remote host said: 550 unknown user
""",
        (ADA, "blocked", False),
    ),
    "exim, own router": notice(
        "Mail Delivery System <Mailer-Daemon@mx.example.net>",
        "Mail delivery failed: returning message to sender",
        """
This is a permanent error. The following address(es) failed:

  ada@gone.example
    Unrouteable address
""",
        ("ada@gone.example", "hostunknown", True),
        more="X-Failed-Recipients: ada@gone.example\n",
    ),
    "exim, a program": notice(
        "Mail Delivery System <Mailer-Daemon@mx.example.net>",
        "Mail delivery failed: returning message to sender",
        """
The following address(es) failed:

  pipe to |/usr/local/bin/sort-mail
    generated by ada@example.org

The following text was generated during the delivery attempt:

sort-mail: no such user
""",
        (ADA, "mailererror", False),
        more="X-Failed-Recipients: ada@example.org\n",
    ),
    "bare words prove nothing": notice(
        "MAILER-DAEMON@mx.example.net",
        "Mail failure",
        "The following address had delivery errors:\n\nada@example.org [user unknown]\n",
        (ADA, "filtered", False),
    ),
    "a list for members": notice(
        "readers-admin@example.org",
        "You are not a member (readers)",
        "You are not a member of this mailing list <readers@example.org>.\n\nWrite to readers-ctl@example.org.\n",
        ("readers@example.org", "rejected", False),
    ),
}
