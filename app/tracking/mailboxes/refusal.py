"""What is said when a mail server does not let us in."""

import re

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble, PasswordRefused, TokenRefused
from app.tracking.mailboxes.secrecy import discreet

_CODE = re.compile(r"^\[[A-Z0-9/-]{1,40}\] *")
"""What programs are told beside the words (RFC 5530, 3206)."""
_TOKENS_ONLY = (
    "gmail.com",
    "googlemail.com",
    "office365.com",
    "outlook.com",
    "office.com",
)
"""Their IMAP and POP3 take no ordinary password any more."""


def refused(account: MailboxAccount, words: str) -> MailboxTrouble:
    """The error for a login that was refused for good."""
    words = discreet(_CODE.sub("", words), account.secrets)
    if account.token:
        return TokenRefused(
            f"{account.host} does not take the access token for {account.username}: {words.rstrip('.')}. Look whether "
            "the user name is the mailbox's address, and whether its provider lets this app read it.",
            "It is tried again later.",
        )
    hint = ""
    if any(account.host == name or account.host.endswith(f".{name}") for name in _TOKENS_ONLY):
        hint = " This provider takes ordinary passwords no more: let the mailbox sign in by OAuth."
    return PasswordRefused(
        f"{account.host} refuses the user name or the password: {words.rstrip('.')}.{hint}",
        "It is not asked again until they are changed.",
    )
