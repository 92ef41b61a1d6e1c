"""Servers that send without end, in pieces that are each allowed: a visit ends soon, and holds little of it."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.tracking.mailboxes.account import MailboxAccount, MailboxTrouble
from app.tracking.mailboxes.poll import open_door
from app.tracking.mailboxes.progress import Progress

pytestmark = pytest.mark.slow

Answers = dict[bytes, bytes | Callable[[socket.socket], None]]
PIECE = 64 * 1024
IMAP: Answers = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
    b"SELECT": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n",
    b"SEARCH": b"* SEARCH 1 2 3\r\n",
    b"RFC822.SIZE": b"* 1 FETCH (UID 1 RFC822.SIZE 30)\r\n",
}
POP3: Answers = {
    b"UIDL": b"+OK\r\n1 a\r\n.\r\n",
    b"LIST": b"+OK\r\n1 10\r\n.\r\n",
}


def without_end(piece: bytes, first: bytes) -> Callable[[socket.socket], None]:
    def send(line: socket.socket) -> None:
        line.sendall(first)
        many = piece * (PIECE // len(piece) + 1)
        for _ in range(400_000_000 // len(many)):
            line.sendall(many)

    return send


@contextmanager
def lying(kind: str, answers: Answers) -> Iterator[MailboxAccount]:
    """A server of one session, which answers each command by the word in it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, kind, answers), daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        yield MailboxAccount(kind, "127.0.0.1", port, "none", "user", "secret", internal=True)
    thread.join(10)
    assert not thread.is_alive()


def _serve(listening: socket.socket, kind: str, answers: Answers) -> None:
    line, _ = listening.accept()
    with line, line.makefile("rb") as commands, suppress(OSError):
        line.sendall(b"* OK hello\r\n" if kind == "imap" else b"+OK\r\n")
        while command := commands.readline():
            said = next((answers[word] for word in reversed(answers) if word in command.upper()), b"")
            if callable(said):
                said(line)
                return
            tag = command.split(b" ")[0]
            line.sendall(said + tag + b" OK done\r\n" if kind == "imap" else said or b"+OK\r\n")


@pytest.mark.parametrize(
    ("kind", "word", "piece"),
    [
        ("imap", b"SEARCH", b"* 1 EXISTS\r\n"),
        ("imap", b"SEARCH", b"* 1 X\r\n"),
        ("imap", b"BODY.PEEK", b"* 1 FETCH (UID 1 BODY[] {30000000}\r\n" + b"x" * 30_000_000 + b")\r\n"),
        ("pop3", b"UIDL", b"1 a\n"),
        ("pop3", b"LIST", b"1 1\n"),
        ("pop3", b"RETR", b"a\n"),
    ],
    ids=["untagged", "short untagged", "many literals", "names", "sizes", "lines of a mail"],
)
def test_a_flood_ends_the_visit(kind: str, word: bytes, piece: bytes) -> None:
    flood = without_end(piece, b"" if kind == "imap" else b"+OK\r\n")
    with lying(kind, {**(IMAP if kind == "imap" else POP3), word: flood}) as account:
        begun = time.process_time()
        tracemalloc.start()
        with pytest.raises(MailboxTrouble, match=r"lines than|lines, more than|announced"), open_door(account) as door:
            door.fetch(door.new(Progress(), 501)[0])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # The server is in this process, too: its piece of 30 MB, and as much again to send it from.
    assert peak < 200 * 1024 * 1024 if word == b"BODY.PEEK" else peak < 100 * 1024 * 1024
    assert time.process_time() - begun < 20


def test_a_mailbox_of_many_mails_is_read_from_its_beginning() -> None:
    numbers = b" ".join(b"%d" % number for number in range(300_000, 0, -1))
    sizes = b"".join(b"* %d FETCH (UID %d RFC822.SIZE 30)\r\n" % (number, number) for number in range(41, 44))
    answers = {**IMAP, b"SEARCH": b"* SEARCH " + numbers + b"\r\n", b"RFC822.SIZE": sizes}
    with lying("imap", answers) as account, open_door(account) as door:
        assert [letter.key for letter in door.new(Progress(uid=40), 3)] == ["41", "42", "43"]


@pytest.mark.parametrize("said", [b"* SEARCH a b\r\n", b"* SEARCH " + b"1" * 5000 + b"\r\n"])
def test_what_is_no_list_of_numbers(said: bytes) -> None:
    refused = pytest.raises(MailboxTrouble, match="cannot be read")
    with lying("imap", {**IMAP, b"SEARCH": said}) as account, refused, open_door(account) as door:
        door.new(Progress(), 501)
