"""A mailbox while it is open, by whichever protocol."""

import imaplib
import poplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble
from app.tracking.mailboxes.network import why_broken
from app.tracking.mailboxes.secrecy import discreet

KEPT = "Nothing in the mailbox was changed; it is tried again later."


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in the mailbox: its name there, which stays the same between visits, and its octets."""

    key: str
    size: int


class Known(Protocol):
    """How far a mailbox was read."""

    @property
    def uid(self) -> int:
        """The last mail, by IMAP."""

    @property
    def uidls(self) -> frozenset[str]:
        """All mails, by POP3."""


class Door(Protocol):
    """What poll.py asks of a mailbox. Keys are numbers of mails for IMAP, digests of UIDLs for POP3."""

    era: int
    """IMAP's UIDVALIDITY: when it changes, all keys mean something else (RFC 3501 §2.3.1.1). 0 for POP3."""

    def new(self, known: Known, most: int) -> Sequence[Letter]:
        """The oldest mails not read before."""

    def present(self) -> frozenset[str] | None:
        """The keys of all mails, where the protocol tells them anyway."""

    def fetch(self, letter: Letter) -> bytes | None:
        """The mail as it came; None when the server does not give it."""

    def put_away(self, keys: Sequence[str]) -> None:
        """Take understood mails out of the way."""


@contextmanager
def in_plain_words(account: MailboxAccount) -> Iterator[None]:
    """Whatever the libraries raise about a server becomes MailboxTrouble with the server's words."""
    host = account.host
    try:
        yield
    except MailboxTrouble:
        raise
    except ssl.SSLCertVerificationError as error:
        raise MailboxTrouble(
            f"The certificate of {host} is not valid: {error.verify_message or error.reason}. Your password was not "
            "sent. Correct the name of the server, or ask who runs it."
        ) from error
    except TimeoutError as error:
        raise MailboxTrouble(f"{host} stopped answering.", KEPT) from error
    except imaplib.IMAP4.abort as error:
        # The library's words for a line that ended, among them some of the server's when it said good-bye.
        words = "no more came" if "socket error: " in said(error) else said(error).removeprefix("command: ")
        words = discreet(words, account.secrets)
        raise MailboxTrouble(f"The conversation with {host} broke off: {words.rstrip('. ')}.", KEPT) from error
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        raise MailboxTrouble(f"{host} says: {discreet(said(error), account.secrets).rstrip('.')}.", KEPT) from error
    except OSError as error:
        raise MailboxTrouble(f"The connection to {host} broke: {why_broken(error)}", KEPT) from error
    except (ValueError, IndexError, AttributeError, TypeError, KeyError) as error:
        # What the libraries stumble over when an answer has no sense.
        raise MailboxTrouble(f"{host} answers in a way that cannot be read.", KEPT) from error


@contextmanager
def greeted_by(account: MailboxAccount) -> Iterator[None]:
    """Silence before the first word mostly means that the other side waits for ours: it speaks TLS from the start."""
    try:
        yield
    except TimeoutError as error:
        raise MailboxTrouble(
            f"{account.host}, port {account.port}, takes the connection and says nothing. If TLS begins at once there, "
            "as at ports 993 and 995, choose that encryption.",
            KEPT,
        ) from error


def said(error: Exception) -> str:
    """The server's words, one line, printable."""
    given = error.args[0] if error.args else ""
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return "".join(character if character.isprintable() else " " for character in text)[:300].strip() or "(nothing)"


def quietly(close: Callable[[], object]) -> None:
    """End a session that is over anyway."""
    try:
        close()
    except (imaplib.IMAP4.error, poplib.error_proto, OSError, ValueError, AttributeError):
        return
