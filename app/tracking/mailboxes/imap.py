"""Mailboxes by IMAP (RFC 3501, 6851): mails are read without marking them, and moved once they are understood."""

import base64
import imaplib
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from heapq import nsmallest
from itertools import islice
from typing import Any, cast

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble
from app.tracking.mailboxes.bounds import LONGEST_LINE, MOST_LINES, SILENCE, VISIT, Bounds, watched
from app.tracking.mailboxes.door import KEPT, Known, Letter, greeted_by, in_plain_words, quietly, said
from app.tracking.mailboxes.guard import connect, tls
from app.tracking.mailboxes.oauth.sasl import Bearer
from app.tracking.mailboxes.refusal import refused
from app.tracking.mailboxes.secrecy import discreet

# RFC 5530 §3: the account may be right all the same.
_FOR_A_WHILE = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|ALERT)\b", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,19})\b")
_NUMBER = re.compile(rb"\d++")
_NUMBERS = re.compile(rb"(?: *+\d{1,10}(?!\d))*+ *+")
_AT_ONCE = 200


@contextmanager
def open_imap(account: MailboxAccount) -> Iterator["ImapDoor"]:
    """The folder, open. Raises MailboxTrouble, PasswordRefused or TokenRefused when the server does not know us."""
    with (
        in_plain_words(account),
        closing(connect(account, timeout=account.patience(SILENCE))) as line,
        watched(line, account.left(VISIT)),
    ):
        with greeted_by(account):
            client = _Client(line, account.host)
        try:
            _sign_in(client, account)
            yield ImapDoor(client, account)
            quietly(client.logout)
        finally:
            quietly(client.shutdown)


class ImapDoor:
    """One folder of a signed-in client."""

    def __init__(self, client: "_Client", account: MailboxAccount) -> None:
        self._client, self._account = client, account
        self._can = _capabilities(client)
        self.era = self._select()

    def new(self, known: Known, most: int) -> Sequence[Letter]:
        # `n:*` names the last mail even when it is below n (RFC 3501 §6.4.8).
        [found] = self._ask("SEARCH", f"UID {known.uid + 1}:*")[:1] or [b""]
        numbers = _smallest(found or b"", known.uid, most)
        return [letter for some in _portions(numbers) for letter in self._sizes(some)]

    def present(self) -> frozenset[str] | None:
        return None

    def fetch(self, letter: Letter) -> bytes | None:
        for item in self._ask("FETCH", letter.key, "(BODY.PEEK[])"):
            if isinstance(item, tuple) and b"BODY[]" in item[0].upper():
                uid = _UID.search(item[0])
                if uid is None or uid[1].decode() == letter.key:
                    return bytes(item[1])
        return None

    def put_away(self, keys: Sequence[str]) -> None:
        if not self._account.done_folder or self._account.done_folder == self._account.folder:
            return
        for some in _portions([int(key) for key in keys]):
            self._move(",".join(map(str, some)))

    def _select(self) -> int:
        kind, answer = self._client.select(folder_name(self._account.folder))
        if kind != "OK":
            raise MailboxTrouble(
                f"The folder “{self._account.folder}” cannot be opened: {self._words(answer)}. Correct its name.",
                KEPT,
            )
        _, eras = self._client.response("UIDVALIDITY")
        return int(eras[-1])

    def _sizes(self, numbers: Sequence[int]) -> Iterator[Letter]:
        sizes = {}
        for item in self._ask("FETCH", ",".join(map(str, numbers)), "(UID RFC822.SIZE)"):
            line = item[0] if isinstance(item, tuple) else item or b""
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid and size:
                sizes[int(uid[1])] = int(size[1])
        # One that has no size is gone by now, or the next visit tells.
        return (Letter(str(number), sizes[number]) for number in numbers if number in sizes)

    def _move(self, numbers: str) -> None:
        how = "MOVE" if "MOVE" in self._can else "COPY"
        target = folder_name(self._account.done_folder)
        kind, answer = self._client.uid(how, numbers, target)
        why_not = ""
        if kind != "OK":
            target, why_not = self._make_folder()
            kind, answer = self._client.uid(how, numbers, target)
        if kind != "OK":
            raise MailboxTrouble(
                f"Mail could not be moved to “{self._account.done_folder}”: {self._words(answer)}. {why_not}"
                "It was read and stays where it is."
            )
        if how == "COPY":
            self._ask("STORE", numbers, "+FLAGS.SILENT", r"(\Deleted)")
            # A plain EXPUNGE would take away what others have marked (RFC 4315 §2.1).
            if "UIDPLUS" in self._can:
                self._ask("EXPUNGE", numbers)

    def _make_folder(self) -> tuple[str, str]:
        """Make the folder; on servers that keep all folders below the inbox, there. Its name, and else why not."""
        why_not, names = "", [self._account.done_folder]
        _, listed = self._client.list('""', '""')
        delimiter = re.search(rb'\) "(.)" ', _bytes(listed))
        if delimiter:
            names.append(f"INBOX{delimiter[1].decode()}{self._account.done_folder}")
        for name in names:
            kind, answer = self._client.create(folder_name(name))
            if kind == "OK" or b"EXISTS" in _bytes(answer).upper():
                self._client.subscribe(folder_name(name))
                return folder_name(name), ""
            why_not = (
                why_not or f"Such a folder could not be made: {self._words(answer)}. Make it there, or name another. "
            )
        return folder_name(names[-1]), why_not

    def _words(self, answer: Sequence[Any]) -> str:
        return discreet(said(ValueError(_bytes(answer))).rstrip("."), self._account.secrets)

    def _ask(self, command: str, *arguments: str) -> list[Any]:
        kind, answer = self._client.uid(command, *arguments)
        if kind != "OK":
            raise MailboxTrouble(f"{self._account.host} says: {self._words(answer)}.", KEPT)
        return list(answer)


class _Client(imaplib.IMAP4):
    """The library's client on a line of ours, with limits to what it reads."""

    def __init__(self, line: socket.socket, host: str) -> None:
        self._line, self._bounds = line, Bounds(lines=MOST_LINES)
        super().__init__(host)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._line

    def _command(self, name: str, *arguments: Any) -> Any:
        self._bounds.asked()
        return super()._command(name, *arguments)  # type: ignore[misc]  # the library has no public way

    def read(self, size: int) -> bytes:
        self._bounds.announced(size)
        self._bounds.read(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = cast(bytes, self.file.readline(LONGEST_LINE + 1))
        self._bounds.read_line(len(line))
        if len(line) > LONGEST_LINE:
            raise self.abort("a line without an end")
        return line


def _sign_in(client: _Client, account: MailboxAccount) -> None:
    if account.security == "starttls":
        if "STARTTLS" not in client.capabilities:
            raise MailboxTrouble(
                f"{account.host} offers no STARTTLS, which this mailbox demands. Your password was not sent."
            )
        client.starttls(tls())
    if client.state == "AUTH":
        raise MailboxTrouble(f"{account.host} greets us as somebody who is signed in. Nothing was read.")
    can = client.capabilities
    try:
        if account.token:
            bearer = Bearer(account, [name.removeprefix("AUTH=") for name in can])
            client.authenticate(bearer.mechanism, bearer.answer)
        elif "AUTH=PLAIN" in can:
            secret = f"\0{account.username}\0{account.password}".encode()
            client.authenticate("PLAIN", lambda _challenge: secret)
        elif "LOGINDISABLED" in can:
            raise MailboxTrouble(f"{account.host} takes no password over this connection. Choose TLS or STARTTLS.")
        elif not (account.username + account.password).isascii():
            raise MailboxTrouble(
                f"{account.host} takes only user names and passwords of ASCII characters. Your password was not sent. "
                "Give the mailbox another one."
            )
        else:
            client.login(_quoted(account.username), account.password)
    except client.abort:
        raise
    except client.error as error:
        words = said(error)
        if _FOR_A_WHILE.search(words):
            raise
        raise refused(account, words) from error


def _capabilities(client: _Client) -> frozenset[str]:
    """What the server can do for somebody who is signed in; before, it may say less."""
    _, lines = client.capability()
    return frozenset(_bytes(lines).decode("ascii", "replace").upper().split())


def folder_name(name: str) -> str:
    """A folder's name as it goes over the wire: quoted, in the modified UTF-7 of RFC 3501 §5.1.3."""
    pieces = re.split(r"([^ -~]+)", name.replace("&", "&-"))
    return _quoted("".join(_shifted(piece) if index % 2 else piece for index, piece in enumerate(pieces)))


def _shifted(text: str) -> str:
    coded = base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
    return f"&{coded}-"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _smallest(found: bytes, beyond: int, most: int) -> list[int]:
    """The first numbers of a list beyond one; a list of a million never stands in memory as numbers."""
    if not _NUMBERS.fullmatch(found):
        raise ValueError("no list of numbers")
    numbers = (int(each[0]) for each in _NUMBER.finditer(found))
    return sorted(set(nsmallest(most, (number for number in numbers if number > beyond))))


def _portions(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    left = iter(numbers)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _bytes(answer: Sequence[Any]) -> bytes:
    return b" ".join(each for each in answer if isinstance(each, bytes))
