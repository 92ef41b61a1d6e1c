"""A web server on the loopback interface, as the checks meet it: by name, at a public address, with a certificate."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.core import clock
from tests.deliverability.domains.marks import DAY
from tests.deliverability.domains.nest import NAME
from tests.deliverability.domains.zone import Zone
from tests.sending.test_certificates import issue, trust

HOST = f"logo.{NAME}"
ADDRESS = "93.184.215.14"
PICTURE, CERTIFICATE = f"https://{HOST}/logo.svg", f"https://{HOST}/mark.pem"


@dataclass
class Web:
    """What lies where, and what was asked. `dialled`: the addresses that connections went to."""

    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    dialled: list[tuple[str, int]] = field(default_factory=list)
    mood: str = ""
    """hang, drip, torn, deaf (no TLS comes about), down"""
    release: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, body: bytes, kind: str = "image/svg+xml", status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = status, {"Content-Type": kind, **named}, body


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        web: Web = self.server.web
        web.asked.append(self.headers["Host"] + self.path)
        if web.mood == "hang":
            web.release.wait(10)
            return
        status, headers, body = web.pages.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (web.mood == "torn")))
        self.end_headers()
        if web.mood == "drip":
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                self.wfile.flush()
                web.release.wait(0.05)
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Each connection begins encryption in a thread of its own."""
        if self.web.mood == "deaf":  # type: ignore[attr-defined]
            self.web.release.wait(10)  # type: ignore[attr-defined]
            return
        try:
            request = self.tls.wrap_socket(request, server_side=True)  # type: ignore[attr-defined]
        except OSError:
            return
        with request:
            super().finish_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no fault of the server."""


@contextmanager
def serving(zone: Zone, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The server for the length of the block. Its address is public for all who look; the last step leads here."""
    now = clock.now()
    certificate = issue(folder, [HOST], since=now - DAY, until=now + DAY)
    trust(monkeypatch, folder)
    server: Any = _Server(("127.0.0.1", 0), _Handler)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(certificate)
    server.web = web = Web()
    dial, here = socket.create_connection, server.server_address

    def dialled(place: tuple[str, int], *args: Any, **given: Any) -> socket.socket:
        if place[0] in ("127.0.0.1", "localhost"):
            return dial(place, *args, **given)
        web.dialled.append(place)
        if place != (ADDRESS, 443):
            raise OSError("nobody goes there from a test")
        if web.mood == "down":
            raise ConnectionRefusedError
        return dial(here, *args, **given)

    monkeypatch.setattr(socket, "create_connection", dialled)
    zone.publish(HOST, "A", ADDRESS)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
