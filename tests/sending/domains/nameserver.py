"""A name server on the loopback interface, with TXT records that tests put into it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
from flask import current_app

from app.mail.dkim_keys import txt_strings
from app.sending.domains.lookup import EXTENSION


class Server(Protocol):
    """Anything that answers DNS by UDP on `port`."""

    port: int

    def serve(self) -> None:
        """Until `stop`."""

    def stop(self) -> None:
        """From another thread."""

    def close(self) -> None:
        """When it has stopped."""


class NameServer:
    """Answers questions for TXT by UDP."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.is_silent = False
        self.rcode = dns.rcode.NOERROR
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def publish(self, name: str, *values: str) -> None:
        self.records[name] = list(values)

    def txt(self, name: bytes, **_timeout: float) -> bytes | None:
        """What dkimpy asks for, with the record's strings joined."""
        found = self.records.get(name.decode().rstrip("."))
        return found[0].encode() if found else None

    def serve(self) -> None:
        while True:
            try:
                raw, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not raw:
                return
            self._answer(dns.message.from_wire(raw), peer)

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))

    def close(self) -> None:
        self._socket.close()

    def _answer(self, query: dns.message.Message, peer: tuple[str, int]) -> None:
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.is_silent:
            return
        response = dns.message.make_response(query)
        response.set_rcode(self.rcode)
        values = self.records.get(name, []) if self.rcode == dns.rcode.NOERROR else []
        if values:
            texts = [" ".join(f'"{piece}"' for piece in txt_strings(value)) for value in values]
            response.answer.append(dns.rrset.from_text(name + ".", 60, "IN", "TXT", *texts))
        elif self.rcode == dns.rcode.NOERROR:
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._socket.sendto(response.to_wire(), peer)


@contextmanager
def at_work() -> Iterator[NameServer]:
    """The application asks this server for the length of the block."""
    server = NameServer()
    with asked(server):
        yield server


@contextmanager
def asked(server: Server) -> Iterator[None]:
    """The application asks a server for the length of the block."""
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
    current_app.extensions[EXTENSION] = resolver
    try:
        yield
    finally:
        del current_app.extensions[EXTENSION]
        server.stop()
        thread.join(5)
        server.close()
