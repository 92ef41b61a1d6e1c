"""A mail server that takes everything and writes down what it took, before it says so.

One line per message in a file: Message-ID and recipient. The kernel has the line before the 250 is on its way, so the
file holds at least what any sender was told, also when sender, database and queue are killed. It answers after a random
time, as real servers do: in that time the message is taken, and its sender does not know it yet.
"""

import asyncio
import os
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import uvloop

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>\r\n]+)>", re.MULTILINE | re.IGNORECASE)
_RECIPIENT = re.compile(rb"TO:\s*<([^>]*)>", re.IGNORECASE)
_END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    """One connection. While an answer is due, what comes next waits, so that answers come in the order of the mails.

    RFC 5321, with PIPELINING (RFC 2920).
    """

    def __init__(self, note: Callable[[bytes, bytes], None], pace: float) -> None:
        self._note, self._pace = note, pace
        self._buffer = bytearray()
        self._recipient = b""
        self._in_body = self._is_due = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._say(b"220 sink.example.com ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._is_due and not self._transport.is_closing() and self._take():
            pass

    def _take(self) -> bool:
        """One line, or one body; False when more must come first."""
        mark = _END if self._in_body else b"\r\n"
        end = self._buffer.find(mark)
        if end < 0:
            return False
        piece = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        if self._in_body:
            self._keep(piece)
        else:
            self._obey(piece)
        return True

    def _keep(self, body: bytes) -> None:
        self._in_body = False
        found = _MESSAGE_ID.search(body)
        self._note(found[1] if found else b"-", self._recipient)
        self._is_due = True
        asyncio.get_running_loop().call_later(random.expovariate(1 / self._pace), self._answer)

    def _answer(self) -> None:
        self._is_due = False
        self._say(b"250 2.0.0 Ok: taken")
        self._go_on()

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._say(b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
        elif verb == b"DATA":
            self._in_body = True
            self._say(b"354 Go ahead")
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 Bye")
            self._transport.close()
        else:
            if verb == b"RCPT" and (found := _RECIPIENT.search(line)):
                self._recipient = found[1]
            self._say(b"250 2.0.0 Ok")

    def _say(self, words: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(words + b"\r\n")


async def serve(port: int, path: Path, pace: float) -> None:
    """Take mail until killed."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(message_id: bytes, recipient: bytes) -> None:
        os.write(file, message_id + b" " + recipient + b"\n")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(note, pace), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
