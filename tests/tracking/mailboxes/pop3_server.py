"""A small POP3 server for tests: one user, mails in memory, and bad manners on demand."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.tracking.mailboxes.imap_server import ACKNOWLEDGED, COMPLAINT, is_known, serving


@dataclass
class PopWorld:
    """What the server holds and how it behaves."""

    user: str = "bounces@example.com"
    password: str = "a pass word with ünicode"
    mails: dict[str, bytes] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    mechanisms: str = ""
    tokens: set[str] = field(default_factory=set)
    """Access tokens that are taken."""
    server_name: str = "127.0.0.1"
    """As clients call it."""
    mood: str = ""
    """garbage, endless, cut, hang, refuse, busy, no-uidl, no-quit"""
    fetched: list[str] = field(default_factory=list)
    signed_in: int = 0
    release: threading.Event = field(default_factory=threading.Event)

    def put(self, *mails: bytes) -> None:
        for mail in mails:
            self.mails[f"u{len(self.mails) + 1:04}.{hash(mail) & 0xFFFF:04x}"] = mail


class _Session(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self.world: PopWorld = self.server.world
        self.listing = list(self.world.mails)
        self.deleted: set[str] = set()
        try:
            self._say("\x00 nothing of sense" if self.world.mood == "garbage" else "+OK ready")
            while line := self.rfile.readline():
                command, _, argument = line.decode().rstrip("\r\n").partition(" ")
                if command == "QUIT":
                    self._quit()
                    return
                getattr(self, f"do_{command.lower()}")(argument)
        except OSError:
            return

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _quit(self) -> None:
        if self.world.mood == "no-quit":
            return
        for name in self.deleted:
            self.world.mails.pop(name, None)
        self._say("+OK bye")

    def do_capa(self, _: str) -> None:
        self._say("+OK")
        sasl = [f"SASL {self.world.mechanisms}"] if self.world.mechanisms else []
        for line in ("USER", "UIDL", *sasl, *(["STLS"] if self.world.context else [])):
            self._say(line)
        self._say(".")

    def do_stls(self, _: str) -> None:
        assert self.world.context
        self._say("+OK begin")
        self.request = self.world.context.wrap_socket(self.request, server_side=True)
        self.setup()

    def do_auth(self, mechanism: str) -> None:
        self._say("+ ")
        known = is_known(self.world, mechanism, base64.b64decode(self.rfile.readline()).decode())
        if not known:
            self._say(f"+ {base64.b64encode(COMPLAINT).decode()}")
            assert base64.b64decode(self.rfile.readline()) == ACKNOWLEDGED[mechanism]
            self._say("-ERR Authentication failure: unknown user name or bad password.")
            return
        self.world.signed_in += 1
        self._say("+OK in")

    def do_user(self, name: str) -> None:
        self.named = name
        self._say("+OK")

    def do_pass(self, password: str) -> None:
        if self.world.mood == "busy":
            self._say("-ERR [IN-USE] somebody else has it open")
        elif (self.named, password) != (self.world.user, self.world.password) or self.world.mood == "refuse":
            self._say("-ERR [AUTH] no such user or password")
        else:
            self.world.signed_in += 1
            self._say("+OK in")

    def do_uidl(self, _: str) -> None:
        if self.world.mood == "no-uidl":
            self._say("-ERR what is that")
            return
        self._say("+OK")
        for number, name in enumerate(self.listing, 1):
            self._say(f"{number} {name}")
        self._say(".")

    def do_list(self, _: str) -> None:
        self._say("+OK")
        for number, name in enumerate(self.listing, 1):
            self._say(f"{number} {len(self.world.mails[name])}")
        self._say(".")

    def do_retr(self, argument: str) -> None:
        name = self.listing[int(argument) - 1]
        self.world.fetched.append(name)
        if self.world.mood == "hang":
            self.world.release.wait(20)
            return
        self._say("+OK here")
        mail = self.world.mails[name]
        if self.world.mood == "cut":
            self.wfile.write(mail[: len(mail) // 2])
            self.request.close()
            raise OSError
        if self.world.mood == "endless":
            while True:
                self.wfile.write(b"more and more and more\r\n" * 4000)
        for line in mail.removesuffix(b"\r\n").split(b"\r\n"):
            self.wfile.write((b"." if line.startswith(b".") else b"") + line + b"\r\n")
        self._say(".")

    def do_dele(self, argument: str) -> None:
        self.deleted.add(self.listing[int(argument) - 1])
        self._say("+OK")


@contextmanager
def serving_pop3(world: PopWorld, *, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that runs within the block."""
    with serving(world, _Session, tls=tls) as port:
        yield port
