"""A small provider of access tokens for tests (RFC 6749): one client, and refusals on demand."""

import json
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

USER = "bounces@example.com"


@dataclass
class TokenWorld:
    """What the provider knows, and what it was asked."""

    client_id: str = "merpati"
    client_secret: str = "s3cret & more"
    refresh_token: str = ""
    """Empty: it is asked in the client's own name."""
    seconds: object = 3600
    rotates: bool = False
    """Each answer has a new refresh token, and the old one is worth nothing."""
    only_basic: bool = False
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    """Said instead, one after another."""
    tokens: set[str] = field(default_factory=set)
    """Access tokens that are good."""
    asked: list[dict[str, str]] = field(default_factory=list)
    mood: str = ""
    """hang, drip, redirect"""
    release: threading.Event = field(default_factory=threading.Event)

    def answer(self, form: dict[str, str], basic: str) -> tuple[int, bytes]:
        self.asked.append(form)
        if self.answers:
            return self.answers.pop(0)
        by_header = basic == f"{self.client_id}:{self.client_secret}"
        by_form = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        if not by_header and (self.only_basic or not by_form):
            return refusal("invalid_client", "no such client, or another secret")
        kind = "refresh_token" if self.refresh_token else "client_credentials"
        if form.get("grant_type") != kind or form.get("refresh_token", "") != self.refresh_token:
            return refusal("invalid_grant", "this refresh token is not known")
        token = f"access-{len(self.asked)}"
        self.tokens.add(token)
        given: dict[str, object] = {"access_token": token, "token_type": "Bearer", "expires_in": self.seconds}
        if self.rotates:
            given["refresh_token"] = self.refresh_token = f"refresh-{len(self.asked)}"
        return 200, json.dumps(given).encode()


def refusal(error: str, description: str, status: int = 400) -> tuple[int, bytes]:
    return status, json.dumps({"error": error, "error_description": description}).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self) -> None:
        world: TokenWorld = self.server.world
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if world.mood == "hang":
            world.release.wait(20)
            return
        if world.mood == "redirect":
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
            self.end_headers()
            world.asked.append(form)
            return
        _, _, given = self.headers.get("Authorization", "").partition("Basic ")
        basic = ":".join(map(unquote_plus, b64decode(given).decode().split(":"))) if given else ""
        self._say(*world.answer(form, basic))

    def do_GET(self) -> None:
        """Whose token it is, as mail servers ask."""
        [token] = parse_qs(urlsplit(self.path).query).get("access_token", [""])
        if token in self.server.world.tokens:
            self._say(200, json.dumps({"email": USER, "expires_in": 3600}).encode())
        else:
            self._say(*refusal("invalid_token", "it is not known", 401))

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.world.mood == "drip":
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                self.wfile.flush()
                self.server.world.release.wait(0.1)
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no fault of the server."""


@contextmanager
def serving_tokens(world: TokenWorld, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The token URL of a provider that runs within the block."""
    server: Any = _Server(("127.0.0.1", 0), _Handler)
    server.world = world
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        name = "https://localhost" if tls else "http://127.0.0.1"
        yield f"{name}:{server.server_address[1]}/oauth2/token"
    finally:
        world.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
