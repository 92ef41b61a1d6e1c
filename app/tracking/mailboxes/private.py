"""Mail in a workspace's mailbox that is none of our business, since people are written to there as well."""

from app.mail.incoming import IncomingMail as ReadMail
from app.mail.reading import UNREADABLE
from app.messages.models import IncomingMail

_BY_PEOPLE = frozenset({"none", "reply", "autoreply", "challenge", "list"})
"""What reports nothing. Bounces and reports are kept: the operator sees which of them could not be matched."""


def is_private(mail: IncomingMail, read: ReadMail) -> bool:
    """Whether a mail that names no message of ours is to be forgotten. It stays where it was fetched from.

    What came to our own mail server is never private: its address is ours alone.
    """
    return mail.source.startswith("mailbox:") and read.kind in _BY_PEOPLE and not read.evidence.startswith(UNREADABLE)
