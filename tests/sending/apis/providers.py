"""Providers for tests: HTTP servers on plain threads and sockets that imitate each API, and their moods."""

import json
import re
import secrets
import socket
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from app.sending.apis.account import ApiAccount

KEY = "Secret-Key-0123456789abcdef"


@dataclass
class Call:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """A response. `parts`: written one after the other with `pause` seconds between; `hang_up`: nothing at all."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    hang_up: bool = False
    endless: bool = False


Mood = Callable[["FakeProvider", Call, int], "Reply | None"]


class FakeProvider:
    """A provider that takes everything. `mood` may answer instead, given the call and its number from 1."""

    kind = ""
    path = ""

    def __init__(self, mood: Mood | None = None, *, slow: float = 0.0) -> None:
        self.mood, self.slow = mood, slow
        self.calls: list[Call] = []
        self.knocks = 0
        self.taken: Counter[str] = Counter()
        self.ids: dict[str, str] = {}
        self.busy = self.most_busy = 0
        self.lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.connections = 0

    def account(self, **changes: Any) -> ApiAccount:
        """An account at this provider."""
        usual: dict[str, Any] = {
            "kind": self.kind,
            "name": f"Fake {self.kind}",
            "password": KEY,
            "options": self.options(),
            "connections": 4,
            "timeout": 5.0,
            "base_url": f"http://127.0.0.1:{self.port}",
        }
        return ApiAccount(**{**usual, **changes})

    def options(self) -> dict[str, str]:
        return {}

    def accept(self, call: Call) -> Reply:
        """Take everything in the call."""
        raise NotImplementedError

    def note(self, recipient: str) -> str:
        """Somebody's mail is taken; returns the provider's name for it."""
        message_id = f"{self.kind}-{secrets.token_hex(8)}"
        with self.lock:
            self.taken[recipient] += 1
            self.ids[recipient] = message_id
        return message_id

    # running

    def serve(self) -> None:
        while True:
            try:
                peer, _address = self._socket.accept()
            except OSError:
                return
            self._open.add(peer)
            self.connections += 1
            thread = threading.Thread(target=self._converse, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in list(self._open):
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _converse(self, peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with peer, suppress(OSError, EOFError, ValueError):
            buffer = b""
            while True:
                call, buffer = _read(peer, buffer)
                if call.method == "HEAD":
                    self.knocks += 1
                    peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                with self.lock:
                    self.calls.append(call)
                    number = len(self.calls)
                    self.busy += 1
                    self.most_busy = max(self.most_busy, self.busy)
                time.sleep(self.slow)
                reply = self.mood(self, call, number) if self.mood else None
                reply = reply or self.accept(call)
                with self.lock:
                    self.busy -= 1
                if reply.hang_up:
                    break
                _write(peer, reply)
        self._open.discard(peer)


def _read(peer: socket.socket, buffer: bytes) -> tuple[Call, bytes]:
    while b"\r\n\r\n" not in buffer:
        buffer += _more(peer)
    head, _, buffer = buffer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    while len(buffer) < length:
        buffer += _more(peer)
    method, path, _version = first.split()
    return Call(method, path, headers, buffer[:length]), buffer[length:]


def _more(peer: socket.socket) -> bytes:
    data = peer.recv(262_144)
    if not data:
        raise EOFError
    return data


def _write(peer: socket.socket, reply: Reply) -> None:
    length = {} if reply.endless else {"Content-Length": str(len(reply.body))}
    fields = {"Content-Type": "application/json", **length, **reply.headers}
    head = f"HTTP/1.1 {reply.status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    data = head.encode() + b"\r\n" + reply.body
    if reply.pause:
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(reply.pause)
    else:
        peer.sendall(data)
    while reply.endless:
        peer.sendall(b"x" * 65536)


class FakeSes(FakeProvider):
    kind = "ses"

    def account(self, **changes: Any) -> ApiAccount:
        return super().account(**{"username": "AKIDEXAMPLE00000", **changes})

    def options(self) -> dict[str, str]:
        return {"region": "eu-central-1", "configuration_set": "news"}

    def accept(self, call: Call) -> Reply:
        assert call.path == "/v2/email/outbound-emails"
        assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE00000/")
        [recipient] = call.json["Destination"]["ToAddresses"]
        assert message_from_bytes(b64decode(call.json["Content"]["Raw"]["Data"]))["To"]
        return Reply(200, json.dumps({"MessageId": self.note(recipient)}).encode())


class FakeSendGrid(FakeProvider):
    kind = "sendgrid"

    def accept(self, call: Call) -> Reply:
        assert call.path == "/v3/mail/send"
        assert call.headers["authorization"] == f"Bearer {KEY}"
        [person] = call.json["personalizations"]
        return Reply(202, b"", {"X-Message-Id": self.note(person["to"][0]["email"])})


class FakeMailgun(FakeProvider):
    kind = "mailgun"

    def options(self) -> dict[str, str]:
        return {"domain": "news.example.com", "region": "eu"}

    def accept(self, call: Call) -> Reply:
        assert call.path == "/v3/news.example.com/messages.mime"
        recipient = re.search(rb'name="to"\r\n\r\n([^\r]+)\r\n', call.body)
        assert recipient
        body = {"id": f"<{self.note(recipient[1].decode())}@news.example.com>", "message": "Queued. Thank you."}
        return Reply(200, json.dumps(body).encode())


class FakePostmark(FakeProvider):
    kind = "postmark"

    def __init__(self, mood: Mood | None = None, *, inactive: frozenset[str] = frozenset(), slow: float = 0.0) -> None:
        super().__init__(mood, slow=slow)
        self.inactive = inactive

    def accept(self, call: Call) -> Reply:
        assert call.path == "/email/batch"
        assert call.headers["x-postmark-server-token"] == KEY
        return Reply(200, json.dumps([self._result(message) for message in call.json]).encode())

    def _result(self, message: Any) -> dict[str, Any]:
        recipient = re.sub(r".*<(.*)>", r"\1", message["To"])
        if recipient in self.inactive:
            words = f"You tried to send to recipient(s) that have been marked as inactive: {recipient}. A hard bounce."
            return {"ErrorCode": 406, "Message": words}
        return {"ErrorCode": 0, "Message": "OK", "MessageID": self.note(recipient), "To": recipient}


ALL = (FakeSes, FakeSendGrid, FakeMailgun, FakePostmark)
