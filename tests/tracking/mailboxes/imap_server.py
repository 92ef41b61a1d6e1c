"""A small IMAP server for tests: one user, folders in memory, and bad manners on demand."""

import base64
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ImapWorld:
    """What the server holds and how it behaves."""

    user: str = "bounces@example.com"
    password: str = 'a pass "word" with ünicode'
    era: int = 7
    folders: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"INBOX": {}})
    next_uid: int = 1
    capabilities: str = "IMAP4rev1 AUTH=PLAIN MOVE UIDPLUS"
    context: ssl.SSLContext | None = None
    tokens: set[str] = field(default_factory=set)
    """Access tokens that are taken."""
    server_name: str = "127.0.0.1"
    """As clients call it."""
    mood: str = ""
    """garbage, endless, huge, cut, hang, refuse, busy, preauth, moving-fails, below-inbox, no-new-folders"""
    fetched: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    """Marked as read, as whoever fetches without peeking does (RFC 3501 §6.4.5)."""
    signed_in: int = 0
    deleted: set[int] = field(default_factory=set)
    release: threading.Event = field(default_factory=threading.Event)

    def put(self, *mails: bytes) -> None:
        for mail in mails:
            self.folders["INBOX"][self.next_uid] = mail
            self.next_uid += 1

    @property
    def inbox(self) -> dict[int, bytes]:
        return self.folders["INBOX"]


class _Gone(Exception):
    pass


class _Session(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        self.world: ImapWorld = self.server.world
        self.folder = "INBOX"
        try:
            if self.world.mood == "garbage":
                self._say("\x00\x01 nothing of sense \xff" * 3)
                return
            if self.world.mood == "endless":
                while True:
                    self.wfile.write(b"* x" + b"y" * 65536)
            self._say("* PREAUTH welcome" if self.world.mood == "preauth" else "* OK ready")
            while line := self.rfile.readline():
                self._answer(line.decode().rstrip("\r\n"))
        except (_Gone, OSError):
            return

    def _answer(self, line: str) -> None:
        tag, _, rest = line.partition(" ")
        command, _, arguments = rest.partition(" ")
        if command.upper() == "UID":
            command, _, arguments = arguments.partition(" ")
            command = f"uid_{command}"
        getattr(self, f"do_{command.lower()}")(tag, arguments)

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode("latin-1") + b"\r\n")

    def do_capability(self, tag: str, _: str) -> None:
        self._say(f"* CAPABILITY {self.world.capabilities}")
        self._say(f"{tag} OK done")

    def do_starttls(self, tag: str, _: str) -> None:
        assert self.world.context
        self._say(f"{tag} OK begin")
        self.request = self.world.context.wrap_socket(self.request, server_side=True)
        self.setup()

    def do_authenticate(self, tag: str, mechanism: str) -> None:
        self._say("+ ")
        given = base64.b64decode(self.rfile.readline()).decode()
        if mechanism != "PLAIN":
            known = is_known(self.world, mechanism, given)
            if not known:
                self._say(f"+ {base64.b64encode(COMPLAINT).decode()}")
                assert base64.b64decode(self.rfile.readline()) == ACKNOWLEDGED[mechanism]
            self._let_in(tag, known)
            return
        self._let_in(tag, given == f"\0{self.world.user}\0{self.world.password}")

    def do_login(self, tag: str, arguments: str) -> None:
        self._let_in(tag, arguments == f'"{self.world.user}" "{self.world.password}"')

    def _let_in(self, tag: str, is_known: bool) -> None:
        if self.world.mood == "busy":
            self._say(f"{tag} NO [UNAVAILABLE] the directory is away")
        elif not is_known or self.world.mood == "refuse":
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] no such user or password")
        else:
            self.world.signed_in += 1
            self._say(f"{tag} OK in")

    def do_select(self, tag: str, arguments: str) -> None:
        name = arguments.strip('"')
        if name not in self.world.folders:
            self._say(f"{tag} NO there is no folder of that name")
            return
        self.folder = name
        self._say(f"* {len(self.world.folders[name])} EXISTS")
        self._say(f"* OK [UIDVALIDITY {self.world.era}] valid")
        self._say(f"{tag} OK [READ-WRITE] open")

    def do_uid_search(self, tag: str, arguments: str) -> None:
        first = int(re.findall(r"UID (\d+):\*", arguments)[0])
        uids = sorted(self.world.folders[self.folder])
        found = [uid for uid in uids if uid >= first] or uids[-1:]
        self._say(f"* SEARCH {' '.join(map(str, found))}")
        self._say(f"{tag} OK done")

    def do_uid_fetch(self, tag: str, arguments: str) -> None:
        numbers, _, what = arguments.partition(" ")
        mails = self.world.folders[self.folder]
        for position, uid in enumerate(map(int, numbers.split(",")), 1):
            if uid in mails:
                self._fetch(position, uid, mails[uid], what)
        self._say(f"{tag} OK done")

    def _fetch(self, position: int, uid: int, mail: bytes, what: str) -> None:
        if "BODY" not in what:
            self._say(f"* {position} FETCH (UID {uid} RFC822.SIZE {len(mail)})")
            return
        self.world.fetched.append(uid)
        if ".PEEK" not in what:
            self.world.seen.add(uid)
        if self.world.mood == "hang":
            self.world.release.wait(20)
            raise _Gone
        if self.world.mood == "huge":
            self._say(f"* {position} FETCH (UID {uid} BODY[] {{{9_000_000_000}}}")
            raise _Gone
        self._say(f"* {position} FETCH (UID {uid} BODY[] {{{len(mail)}}}")
        if self.world.mood == "cut":
            self.wfile.write(mail[: len(mail) // 2])
            raise _Gone
        self.wfile.write(mail)
        self._say(")")
        self._say("* 1 FETCH (FLAGS (\\Seen))")

    def do_uid_move(self, tag: str, arguments: str) -> None:
        if self._copied(tag, arguments):
            for uid in self._numbers(arguments):
                self.world.folders[self.folder].pop(uid, None)
            self._say(f"{tag} OK moved")

    def do_uid_copy(self, tag: str, arguments: str) -> None:
        if self._copied(tag, arguments):
            self._say(f"{tag} OK copied")

    def _copied(self, tag: str, arguments: str) -> bool:
        target = arguments.partition(" ")[2].strip('"')
        if self.world.mood == "moving-fails":
            self._say(f"{tag} NO [OVERQUOTA] there is no room")
            return False
        if target not in self.world.folders:
            self._say(f"{tag} NO [TRYCREATE] there is no folder of that name")
            return False
        for uid in self._numbers(arguments):
            if mail := self.world.folders[self.folder].get(uid):
                self.world.folders[target][len(self.world.folders[target]) + 1] = mail
        return True

    def do_uid_store(self, tag: str, arguments: str) -> None:
        self.world.deleted |= set(self._numbers(arguments))
        self._say(f"{tag} OK stored")

    def do_uid_expunge(self, tag: str, arguments: str) -> None:
        for uid in self._numbers(arguments):
            if uid in self.world.deleted:
                self.world.inbox.pop(uid, None)
        self._say(f"{tag} OK expunged")

    def do_list(self, tag: str, _: str) -> None:
        self._say('* LIST (\\Noselect) "." ""')
        self._say(f"{tag} OK listed")

    def do_create(self, tag: str, arguments: str) -> None:
        name = arguments.strip('"')
        if self.world.mood == "below-inbox" and not name.startswith("INBOX."):
            self._say(f"{tag} NO folders live below INBOX")
            return
        if self.world.mood == "no-new-folders":
            self._say(f"{tag} NO [NOPERM] not for you.")
            return
        self.world.folders.setdefault(name, {})
        self._say(f"{tag} OK made")

    def do_subscribe(self, tag: str, _: str) -> None:
        self._say(f"{tag} OK subscribed")

    def do_logout(self, tag: str, _: str) -> None:
        self._say("* BYE")
        self._say(f"{tag} OK bye")
        raise _Gone

    @staticmethod
    def _numbers(arguments: str) -> list[int]:
        return [int(number) for number in arguments.partition(" ")[0].split(",")]


COMPLAINT = b'{"status":"400","schemes":"Bearer"}'
ACKNOWLEDGED = {"XOAUTH2": b"", "OAUTHBEARER": b"\x01"}


def is_known(world: Any, mechanism: str, given: str) -> bool:
    """Whether the first message of a login by token names our user and a good token."""
    bearers = [f"auth=Bearer {token}\x01\x01" for token in world.tokens]
    if mechanism == "XOAUTH2":
        return given in [f"user={world.user}\x01{bearer}" for bearer in bearers]
    head, _, rest = given.partition(f"\x01host={world.server_name}\x01port=")
    return head == f"n,a={world.user.replace('=', '=3D')}," and rest.partition("\x01")[2] in bearers


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of loopback."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, world: Any, session: type[socketserver.BaseRequestHandler], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), session)
        self.world = world
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or refuses our certificate, is no fault of the server."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextmanager
def serving(
    world: Any, session: type[socketserver.BaseRequestHandler] = _Session, *, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """The port of a server that runs within the block."""
    server = Server(world, session, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
