"""Running worlds for the tests, and the other side of them: a tracked site, a mail exchanger, mails."""

import asyncio
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.simulator.rates import Rates
from app.simulator.world import World, WorldConfig

NOTHING = Rates(
    hard=0,
    soft=0,
    hiccup=0,
    greylist=0,
    never_opens=1,
    unsubscribe=0,
    complaint=0,
    prefetch=0,
    vacation=0,
    answer=0,
    variant=0,
)
"""Every mail arrives and nobody cares."""


@dataclass
class Running:
    """A world in a thread of its own."""

    world: World
    loop: asyncio.AbstractEventLoop

    @property
    def smtp(self) -> tuple[str, int]:
        return self.world.smtp_address

    @property
    def pages(self) -> str:
        host, port = self.world.page_address
        return f"http://{host}:{port}"

    def client(self) -> smtplib.SMTP:
        talk = smtplib.SMTP(*self.smtp, local_hostname="sender.test", timeout=10)
        talk.ehlo()
        return talk

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Run something inside the world's loop."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def settle(self, patience: float = 20.0) -> None:
        """Wait until nothing is planned any more."""
        wait_for(lambda: bool(self.world.status()["done"]), patience)


def config_for(**changes: object) -> WorldConfig:
    base = WorldConfig(smtp_listen="127.0.0.1:0", page_listen="127.0.0.1:0", bounce_smtp="127.0.0.1:9")
    return replace(base, **changes)


@contextmanager
def running(config: WorldConfig) -> Iterator[Running]:
    """A world until the block ends; whatever broke it is raised here."""
    ready, stop, failures = threading.Event(), asyncio.Event(), []
    found: list[Running] = []

    async def main() -> None:
        world = World(config)
        await world.start()
        found.append(Running(world, asyncio.get_running_loop()))
        ready.set()
        try:
            await world.until(stop)
        finally:
            await world.close()

    def work() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - the test, not the thread, must fail
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(10)
    try:
        if found:
            yield found[0]
    finally:
        if found and not failures:
            found[0].loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        if failures:
            raise failures[0]
    assert not thread.is_alive()


def wait_for(condition: Callable[[], bool], patience: float = 10.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Tracker:
    """A site with links that redirect, a pixel, and an unsubscribe page with a form."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def seen(self, start: str, method: str = "GET") -> list[Request]:
        return [request for request in self.requests if request.path.startswith(start) and request.method == method]


@contextmanager
def tracker() -> Iterator[Tracker]:
    """The tracked site on a free port."""
    state = Tracker()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._note()
            if self.path.startswith("/c/"):
                self._reply(302, b"", Location="https://shop.example.com/")
            elif self.path.startswith("/u/"):
                form = (
                    '<form method="get" action="/search"><input name="q"></form>'
                    '<form method="post"><input type="hidden" name="csrf" value="ab&amp;c">'
                    '<button name="leave" value="list">Unsubscribe</button></form>'
                )
                self._reply(200, form.encode(), **{"Set-Cookie": "session=42; Path=/; HttpOnly"})
            else:
                self._reply(200, b"GIF89a")

        def do_POST(self) -> None:
            self._note()
            self._reply(200, b"done")

        def log_message(self, *_: object) -> None:
            pass

        def _note(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.requests.append(Request(self.command, self.path, dict(self.headers), body))

        def _reply(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Arrived:
    sender: str
    to: str
    content: bytes


@dataclass
class Exchanger:
    """The sender's mail exchanger; it can refuse the first so many mails."""

    address: str = ""
    mails: list[Arrived] = field(default_factory=list)
    busy: int = 0

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd wants it
        if self.busy > 0:
            self.busy -= 1
            return "451 4.3.0 Busy"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(Arrived(envelope.mail_from or "", envelope.rcpt_tos[0], content))
        return "250 2.0.0 Ok"


class AnyPort(Controller):
    """A controller that finds out which port it was given."""

    def _trigger_server(self) -> None:
        assert self.server
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def exchanger(busy: int = 0) -> Iterator[Exchanger]:
    state = Exchanger(busy=busy)
    controller = AnyPort(state, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True)
    controller.start()
    try:
        state.address = f"127.0.0.1:{controller.port}"
        yield state
    finally:
        controller.stop()


def newsletter(site: str, to: str, number: int, *, subject: str = "June news", html: str = "") -> EmailMessage:
    """A mail as Merpati would send it, with three links, a footer and a pixel."""
    mail = EmailMessage()
    mail["From"] = "Ada <ada@news.example.com>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = f"<m{number}@mail.example.com>"
    mail["List-Unsubscribe"] = f"<{site}/u/{number}>, <mailto:leave@news.example.com>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content("Hello, plain readers.\n")
    links = "".join(f'<p><a href="{site}/c/{number}?l={part}&amp;s=x">Offer {part}</a></p>' for part in range(3))
    mail.add_alternative(
        html
        or f'<html><body>{links}<p><a href="{site}/u/{number}">Unsubscribe</a> '
        f'<a href="{site}/v/{number}">View in browser</a> <a href="https://other.example.com/">Elsewhere</a></p>'
        f'<img src="{site}/o/{number}.gif" width="1" height="1" alt=""></body></html>',
        subtype="html",
        cte="quoted-printable",
    )
    return mail


def send(world: Running, mail: EmailMessage, *, sender: str | None = None) -> None:
    """Hand one mail to the world."""
    token = str(mail["Message-ID"]).strip("<>").partition("@")[0]
    with world.client() as talk:
        talk.send_message(mail, sender or f"b+{token}@bounces.example.com", [mail["To"]])
