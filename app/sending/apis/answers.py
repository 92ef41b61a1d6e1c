"""What an API's answer means for one message, in the words of SMTP: one judge and one ledger for every way out."""

import re
from typing import NamedTuple

from app.mail.status_codes import Stage
from app.sending.replies import Reply

LONGEST_ID = 200
_NOT_IN_AN_ID = re.compile(r"[^!-;=?-~]+")


class Said(NamedTuple):
    """A verdict. `hold` asks to slow down: for so many seconds, or 0 where the provider named no time."""

    stage: Stage
    reply: Reply
    hold: float | None = None


class Unanswered(NamedTuple):
    """No verdict. What was handed over may have been taken: it is in doubt and never sent again by itself."""

    why: str
    handed_over: bool
    stops: bool = False
    """Whether the next call would fare the same, so that the run must not make it."""


Answer = Said | Unanswered


def taken(message_id: str) -> Said:
    """The provider has taken the message under this name; reports and webhooks are found by `id=<…>`."""
    return Said("final", Reply(250, f"2.0.0 Ok id=<{_NOT_IN_AN_ID.sub('', message_id)[:LONGEST_ID]}>"))


def throttled(words: str, hold: float = 0.0) -> Said:
    """Too much at once, and nothing was taken. At `rcpt`, since the carriers slow down by themselves (fleet.py)."""
    return Said("rcpt", Reply(451, f"4.7.1 Rate limit: {words}"), hold)


def failing(words: str, hold: float = 0.0) -> Said:
    """The provider has a fault of its own and says that nothing was taken."""
    return Said("rcpt", Reply(451, f"4.3.0 {words}"), hold)


def no_address(words: str) -> Said:
    """This recipient's address is not one."""
    return Said("rcpt", Reply(553, f"5.1.3 This is not a valid address: {words}"))


def on_their_list(words: str) -> Said:
    """The provider itself keeps mail from this address: no fresh failure, so the address is not suppressed by it."""
    return Said("rcpt", Reply(550, f"5.2.1 Inactive at the provider: {words}"))


def refused(words: str) -> Said:
    """The message is refused, for its content or its form."""
    return Said("final", Reply(554, f"5.6.0 {words}"))
