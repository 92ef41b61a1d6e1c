"""Mailboxes by POP3 (RFC 1939, 2595): mails stay on the server until they are understood, and only then are deleted."""

import base64
import poplib
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble
from app.tracking.mailboxes.bounds import (
    LONGEST_LINE,
    MOST_LINES,
    MOST_OF_A_MAIL,
    SILENCE,
    VISIT,
    Bounds,
    watched,
)
from app.tracking.mailboxes.door import Known, Letter, greeted_by, in_plain_words, quietly, said
from app.tracking.mailboxes.guard import connect, tls
from app.tracking.mailboxes.oauth.sasl import Bearer
from app.tracking.mailboxes.refusal import refused

# RFC 2449 §8.1, 3206: the account may be right all the same.
_FOR_A_WHILE = re.compile(r"\[(?:IN-USE|LOGIN-DELAY|SYS/)", re.IGNORECASE)


@contextmanager
def open_pop3(account: MailboxAccount) -> Iterator["Pop3Door"]:
    """The mailbox, open and locked for others.

    Raises MailboxTrouble, PasswordRefused or TokenRefused when the server does not know us. Deletions happen when the
    block ends without an error.
    """
    with (
        in_plain_words(account),
        closing(connect(account, timeout=account.patience(SILENCE))) as line,
        watched(line, account.left(VISIT)),
    ):
        with greeted_by(account):
            client = _Client(line, account)
        try:
            _sign_in(client, account)
            yield Pop3Door(client)
            client.quit()
        finally:
            quietly(client.close)


class Pop3Door:
    """The mails of a signed-in client."""

    era = 0

    def __init__(self, client: "_Client") -> None:
        self._client = client
        self._numbers = {_key(name): number for number, name in _pairs(client.uidl()[1])}

    def new(self, known: Known, most: int) -> Sequence[Letter]:
        sizes = {number: int(size) for number, size in _pairs(self._client.list()[1])}
        return [Letter(key, sizes.get(number, 0)) for key, number in self._numbers.items() if key not in known.uidls][
            :most
        ]

    def present(self) -> frozenset[str] | None:
        return frozenset(self._numbers)

    def fetch(self, letter: Letter) -> bytes | None:
        return self._client.take(self._numbers[letter.key])

    def put_away(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key in self._numbers:
                self._client.dele(self._numbers[key])


class _Client(poplib.POP3):
    """The library's client on a line of ours, with limits to what it reads."""

    def __init__(self, line: socket.socket, account: MailboxAccount) -> None:
        self._line, self._bounds = line, Bounds()
        super().__init__(account.host, account.port)

    def authenticate(self, bearer: Bearer) -> None:
        """Sign in by SASL (RFC 5034 §4). A token is longer than the line of the command may be, so it comes after."""
        said = self._shortcmd(f"AUTH {bearer.mechanism}")  # type: ignore[attr-defined]  # the library has no public way
        while not said.startswith(b"+OK"):
            answer = base64.b64encode(bearer.answer(base64.b64decode(said[1:])))
            said = self._shortcmd(answer.decode())  # type: ignore[attr-defined]

    def take(self, number: int) -> bytes | None:
        """A mail, as it came. None when the server has none of that number any more."""
        try:
            self._shortcmd(f"RETR {number}")  # type: ignore[attr-defined]  # the library has no public way
        except poplib.error_proto:
            return None
        self._bounds.asked()
        lines: list[bytes] = []
        while (line := self._getline()[0]) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
            self._bounds.announced(len(line) + 2)
            if len(lines) > MOST_OF_A_MAIL:
                raise _too_many(MOST_OF_A_MAIL)
        return b"\r\n".join([*lines, b""])

    def _getlongresp(self) -> tuple[bytes, list[bytes], int]:
        first = self._getresp()  # type: ignore[attr-defined]  # the library has no public way
        lines: list[bytes] = []
        while (line := self._getline()[0]) != b".":
            lines.append(line)
            if len(lines) > MOST_LINES:
                raise _too_many(MOST_LINES)
        return first, lines, sum(map(len, lines))

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._line

    def _getline(self) -> tuple[bytes, int]:
        # The library's own gives up at 2,048 octets, which real mails exceed.
        line = self.file.readline(LONGEST_LINE + 1)
        self._bounds.read_line(len(line))
        if not line.endswith(b"\n"):
            raise ConnectionAbortedError
        return line.rstrip(b"\n").removesuffix(b"\r"), len(line)


def _sign_in(client: _Client, account: MailboxAccount) -> None:
    if account.security == "starttls":
        try:
            client.stls(tls())
        except poplib.error_proto as error:
            raise MailboxTrouble(
                f"{account.host} offers no STLS, which this mailbox demands: {said(error)} Your password was not sent."
            ) from error
    try:
        if account.token:
            client.authenticate(Bearer(account, client.capa().get("SASL", [])))
        else:
            client.user(account.username)
            client.pass_(account.password)
    except poplib.error_proto as error:
        words = said(error)
        if _FOR_A_WHILE.search(words):
            raise
        raise refused(account, words) from error


def _too_many(most: int) -> MailboxTrouble:
    return MailboxTrouble(
        f"The server's answer has more than {most:,} lines, more than is read of one. The visit was ended; what was "
        "read before is kept. If the mailbox holds that many mails, move old ones away."
    )


def _pairs(lines: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    for line in lines:
        number, _, name = line.decode("ascii", "replace").partition(" ")
        yield int(number), name.strip()


def _key(name: str) -> str:
    """Short, since every mail of the mailbox is remembered."""
    return sha256(name.encode()).hexdigest()[:20]
