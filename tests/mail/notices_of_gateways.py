"""Notices of gateways and of systems that put their own words around another server's reply, in our words."""

from tests.mail.letters import dsn
from tests.mail.notices import ADA, DEAD, RETURNED, Notice, notice


def _report(
    diagnostic: str, *told: tuple[str, str, bool], prose: str = "", reporter: str = "", more: str = ""
) -> Notice:
    fields = f"Final-Recipient: rfc822; {ADA}\nAction: failed\n{more or 'Status: 5.0.0'}\nDiagnostic-Code: {diagnostic}"
    raw = dsn(fields, prose=prose or "It could not be delivered.")
    return Notice(raw.replace(b"mx.example.org\r\n", f"{reporter}\r\n".encode(), 1) if reporter else raw, told)


# What cPanel has Exim say of domains for which it finds no host.
NO_HOST = "The account or domain may not exist, they may be blacklisted, or missing the proper dns entries."
ALIVE = (ADA, "filtered", False)

GATEWAYS = {
    "exchange online, who passes on a reply": _report(
        "smtp;550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 550 Unknown user here",
        DEAD,
        more="Status: 5.1.351",
    ),
    "exchange online, who passes on another reply": _report(
        "smtp;550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 552 mailbox is full",
        (ADA, "mailboxfull", False),
        more="Status: 5.1.351",
    ),
    "a reply that leaves the place of the address empty": _report("smtp; 550 : User unknown", ALIVE),
    "oracle, at RCPT": _report(
        "smtp;550 <ada@example.org>: User unknown",
        DEAD,
        prose="Recipient address: ada@example.org\nReason: Remote SMTP server has rejected address\n",
    ),
    "oracle, later": _report(
        "smtp;550 <ada@example.org>: User unknown",
        ALIVE,
        prose="Recipient address: ada@example.org\nReason: SMTP transmission failure has occurred\n",
    ),
    "oracle, at RCPT but for security": _report(
        "smtp;550 5.7.1 User unknown",
        ALIVE,
        prose="Recipient address: ada@example.org\nReason: Remote SMTP server has rejected address\n",
    ),
    "cpanel, for a domain without a host": notice(
        "Mail Delivery System <Mailer-Daemon@mx.example.net>",
        "Mail delivery failed: returning message to sender",
        f"""
The following address(es) failed:

  ada@example.org
    The mail server could not deliver mail to ada@example.org.  {NO_HOST}

------ This is a copy of the message, including all the headers. ------

{RETURNED}""",
        (ADA, "hostunknown", True),
        more="X-Failed-Recipients: ada@example.org\n",
    ),
    "cpanel's words about the sender": notice(
        "Mail Delivery System <Mailer-Daemon@mx.example.net>",
        "Mail delivery failed: returning message to sender",
        f"""
The following address(es) failed:

  ada@example.org
    host mx.example.org [192.0.2.7]: 550-Verification failed for <news@example.com>
    550-The mail server could not deliver mail to news@example.com.  {NO_HOST}
    550 Sender verify failed
""",
        (ADA, "rejected", False),
        more="X-Failed-Recipients: ada@example.org\n",
    ),
    "exim, whose header a gateway rewrote": notice(
        "Mail Delivery System <Mailer-Daemon@mx.example.net>",
        "Mail delivery failed: returning message to sender",
        """
The following address(es) failed:

  ada@example.org
    host mx.example.org [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<ada@example.org>:
    550 no such user
""",
        DEAD,
        more="X-Failed-Recipients: ada@internal.example\n",
    ),
    "google groups": notice(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        "Delivery Status Notification (Failure)",
        "Hola:\n\nEl grupo (readers) no existe o no tienes permisos. Visita https://groups.google.com/support/.\n",
        ("readers@groups.example", "rejected", False),
        more="X-Failed-Recipients: readers@groups.example\n",
    ),
    "netease, who names the step": notice(
        "Postmaster@provider.example",
        "系统退信",
        "邮件被退回。\n\n收件人 ada@example.org\n退信原因：SMTP error, RCPT TO: 550 User not found: ada@example.org\n",
        DEAD,
    ),
    "a script of the recipient's own": notice(
        "Mail Delivery Subsystem <postmaster@mx.example.org>",
        "Automatically rejected mail",
        "Your message to <ada@example.org> was automatically rejected:\nNo more letters, please.\n",
        ALIVE,
    ),
    "a return address that was refused": notice(
        "Mail Administrator <Postmaster@mx.example.net>",
        "Mail System Error - Returned Mail",
        "This mail came back because the return address was refused.\n\nThe return address was '<news@example.com>'\n",
        ("", "rejected", False),
        more="Return-Path: <>\n",
    ),
    "a labelled recipient, and whom to ask below": notice(
        "Mail Administrator <Postmaster@mx.example.net>",
        "Mail System Error - Returned Mail",
        "Each of the following recipients was refused by another server:\n\n    Recipient: <ada@example.org>\n"
        "    Reason:    552 5.2.2 mailbox full\n\n\nPlease reply to <Postmaster@mx.example.net>\n",
        (ADA, "mailboxfull", False),
    ),
    "exchange, in its reader's language first": notice(
        "Microsoft Outlook <postmaster@example.org>",
        "Unzustellbar: Ihr Wochenbrief",
        "Fehler bei der Zustellung an folgende Empfänger:\n\nada@example.org\nDie Adresse wurde nicht gefunden.\n\n"
        "Diagnose:\n\nada@example.org\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n",
        DEAD,
    ),
}
