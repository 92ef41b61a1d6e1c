"""SMTP servers for tests. Plain threads and blocking sockets: nothing in common with what they test."""

import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>\r$", re.MULTILINE | re.IGNORECASE)
TO = re.compile(rb"^To: .*?([^<\s]+@[^>\s]+?)>?\r$", re.MULTILINE)


class HangUp(Exception):
    """The server closes the connection."""


class Server:
    """A well-behaved server. Moods override the methods below; every accepted message is kept."""

    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")
    greeting = b"220 nest.example.com ESMTP"

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.commands: list[bytes] = []
        self.connections = 0
        self.bodies = 0
        self.lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._closed = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> Counter[str]:
        """How often each address got a message."""
        with self.lock:
            return Counter(found[1].decode() for raw in self.messages if (found := TO.search(raw)))

    @property
    def message_ids(self) -> Counter[str]:
        with self.lock:
            return Counter(found[1].decode() for raw in self.messages if (found := MESSAGE_ID.search(raw)))

    # moods

    def greet(self, wire: "Wire") -> None:
        wire.say(self.greeting)

    def mail(self, wire: "Wire", _line: bytes) -> None:
        wire.say(b"250 2.1.0 Ok")

    def rcpt(self, wire: "Wire", _line: bytes) -> None:
        wire.recipients += 1
        wire.say(b"250 2.1.5 Ok")

    def data(self, wire: "Wire") -> None:
        if not wire.recipients:
            wire.say(b"554 5.5.1 No valid recipients")
            return
        wire.say(b"354 End data with <CR><LF>.<CR><LF>")
        self.body(wire, wire.read_body())

    def body(self, wire: "Wire", raw: bytes) -> None:
        self.keep(raw)
        wire.say(b"250 2.0.0 Ok: queued as 4B2A")

    def other(self, wire: "Wire", _verb: bytes, _line: bytes) -> None:
        wire.say(b"502 5.5.2 Not known here")

    # running

    def keep(self, raw: bytes) -> None:
        with self.lock:
            self.messages.append(raw)

    def serve(self) -> None:
        while not self._closed:
            try:
                peer, _address = self._socket.accept()
            except OSError:
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                number = self.connections
            self._open.add(peer)
            thread = threading.Thread(target=self._converse, args=(peer, number), daemon=True)
            thread.start()
            # After that: `stop` may come at any moment, and joins only what has begun.
            self._threads.append(thread)

    def stop(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in list(self._open):
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _converse(self, peer: socket.socket, number: int) -> None:
        wire = Wire(peer, number)
        try:
            self.greet(wire)
            while True:
                line = wire.read_line()
                with self.lock:
                    self.commands.append(line)
                self._obey(wire, line)
        except (HangUp, OSError, ValueError):
            pass
        finally:
            wire.close()
            self._open.discard(peer)

    def _obey(self, wire: "Wire", line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            words = ["nest.example.com", *self.extensions]
            wire.say(*(f"250{'-' if word is not words[-1] else ' '}{word}".encode() for word in words))
        elif verb == b"HELO":
            wire.say(b"250 nest.example.com")
        elif verb == b"MAIL":
            wire.recipients, wire.has_sender = 0, True
            self.mail(wire, line)
        elif verb == b"RCPT" and not wire.has_sender:
            wire.say(b"503 5.5.1 Need MAIL first")
        elif verb == b"RCPT":
            self.rcpt(wire, line)
        elif verb == b"DATA":
            self.data(wire)
        elif verb == b"RSET":
            wire.recipients = 0
            wire.say(b"250 2.0.0 Ok")
        elif verb == b"QUIT":
            wire.say(b"221 2.0.0 Bye")
            raise HangUp
        else:
            self.other(wire, verb, line)


class Wire:
    """One connection, from the server's side."""

    def __init__(self, peer: socket.socket, number: int) -> None:
        self.peer, self.number = peer, number
        self.recipients = 0
        self.has_sender = False
        self.mails = 0
        self._buffer = b""

    def say(self, *lines: bytes) -> None:
        self.peer.sendall(b"".join(line + b"\r\n" for line in lines))

    def say_slowly(self, line: bytes) -> None:
        for byte in line + b"\r\n":
            self.peer.sendall(bytes([byte]))
            time.sleep(0.001)

    def read_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def read_body(self) -> bytes:
        while len(self._buffer) < 3:
            self._fill()
        if self._buffer.startswith(b".\r\n"):
            self._buffer = self._buffer[3:]
            return b""
        while b"\r\n.\r\n" not in self._buffer:
            self._fill()
        raw, _, self._buffer = self._buffer.partition(b"\r\n.\r\n")
        return raw + b"\r\n"

    def read_some(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        some, self._buffer = self._buffer[:size], self._buffer[size:]
        return some

    def drop_unread(self) -> None:
        """Forget what came early, as servers do that offer PIPELINING and cannot."""
        time.sleep(0.02)
        self.peer.setblocking(False)
        with suppress(BlockingIOError):
            while self.peer.recv(65536):
                pass
        self.peer.setblocking(True)
        self._buffer = b""

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.peer = context.wrap_socket(self.peer, server_side=True)
        self._buffer = b""

    def close(self) -> None:
        with suppress(OSError):
            self.peer.close()

    def _fill(self) -> None:
        more = self.peer.recv(65536)
        if not more:
            raise HangUp
        self._buffer += more


@contextmanager
def running(server: Any) -> Iterator[Any]:
    """The server, at work for the block."""
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)
