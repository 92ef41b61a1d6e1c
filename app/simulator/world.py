"""The inbox world: an SMTP server that is every mailbox provider at once, and whoever sits behind the inboxes.

In quiet mode it is the mail catcher: it takes everything, keeps the last mails for a person to read, and does nothing.
"""

import asyncio
import resource
import signal
from asyncio.base_events import Server
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import count

from app.core import clock
from app.core.errors import SettingsError
from app.core.settings import host_port
from app.simulator.actor import Actor
from app.simulator.agenda import Agenda
from app.simulator.agents import Callers
from app.simulator.config import WorldConfig
from app.simulator.draws import Climate, draw_bounce, draw_reactions
from app.simulator.envelope import Envelope
from app.simulator.gate import Gate, Verdict, domain_of
from app.simulator.guests import Guests
from app.simulator.httpd import Pages
from app.simulator.mailbox import Mailbox
from app.simulator.mime import header, headers_of
from app.simulator.moods import ProviderMood
from app.simulator.people import Deed, Delivery, Planned, Send, in_real_time, plan_blocked, plan_reactions, plan_return
from app.simulator.providers import market_shares, provider_of
from app.simulator.rates import SCENARIOS
from app.simulator.returns import Original
from app.simulator.site import read_site
from app.simulator.smtp import Answer, Connection
from app.simulator.truth import Truth
from app.simulator.weather import Weather

__all__ = ["World", "WorldConfig", "run", "serve"]

HANDS = 32
FLUSH = 0.25
GOODBYE = 1.0
RETRY = 900.0
OK = b"250 2.1.5 Ok\r\n"


def run(config: WorldConfig) -> None:
    """Serve until SIGTERM or SIGINT."""
    _raise_file_limit()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_run(config))
    else:
        uvloop.run(_run(config))


async def serve(config: WorldConfig, *, stop: asyncio.Event) -> None:
    """Serve until the event is set; the truth file is complete when this returns."""
    world = World(config)
    await world.start()
    try:
        await world.until(stop)
    finally:
        await world.close()


class World:
    """One running world. `smtp_address` and `page_address` are known after `start`."""

    def __init__(self, config: WorldConfig) -> None:
        market_shares(config.market)
        if config.scenario not in SCENARIOS:
            raise SettingsError(f"There is no scenario {config.scenario!r}; choose one of {', '.join(SCENARIOS)}.")
        self.config = config
        self.mailbox = Mailbox(config.keep_mails)
        self.smtp_address = self.page_address = ("", 0)
        self._climate = Climate(config.seed, config.market, config.scenario, config.fresh_list, config.rates)
        self._site = read_site(config.site)
        self._exchanger = host_port(config.bounce_smtp)
        self._queue = count(1)
        self._servers: list[Server] = []

    async def start(self) -> None:
        """Listen. Raises SettingsError when a port is taken."""
        config, loop = self.config, asyncio.get_running_loop()
        self._pages = Pages(self.mailbox, self.status)
        smtp = await self._bind(
            config.smtp_listen,
            lambda host, port: loop.create_server(
                lambda: Connection(self, config.limits, self._guests), host, port, backlog=1024, start_serving=False
            ),
        )
        pages = await self._bind(
            config.page_listen,
            lambda host, port: asyncio.start_server(self._pages.serve, host, port, start_serving=False),
        )
        self.smtp_address = smtp.sockets[0].getsockname()[:2]
        self.page_address = pages.sockets[0].getsockname()[:2]
        self._wake_up()
        for server in self._servers:
            await server.start_serving()

    async def _bind(self, address: str, listen: Callable[[str, int], Awaitable[Server]]) -> Server:
        try:
            server = await listen(*host_port(address))
        except OSError as error:
            for other in self._servers:
                other.close()
            raise SettingsError(
                f"The simulator cannot listen on {address}: {error.strerror or error}. "
                "Stop what listens there, or choose another port."
            ) from error
        self._servers.append(server)
        return server

    def _wake_up(self) -> None:
        config = self.config
        self._born = asyncio.get_running_loop().time()
        self._guests = Guests()
        self.truth = Truth(config.truth_path)
        self.gate = Gate(self._climate, self._now, config.moods)
        self._weather = Weather(config.mood_path) if config.mood_path else None
        callers = Callers(config.seed, config.market, forwarded=config.forwarded)
        self._actors = [
            Actor(self._site, self._exchanger, callers, self.truth, self._retry)
            for _ in range(0 if config.quiet else HANDS)
        ]
        self._agenda: Agenda[Deed] = Agenda([actor.do for actor in self._actors])
        self._writer = asyncio.create_task(self._keep_writing())

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the event, or raise what broke the world."""
        waits = [asyncio.ensure_future(stop.wait()), self._writer]
        if self._actors:
            waits.append(asyncio.ensure_future(self._agenda.broken()))
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in (waits[0], *waits[2:]):
            task.cancel()
        for task in done:
            task.result()

    async def close(self) -> None:
        """Stop listening, say goodbye, drop what was planned, complete the truth file."""
        for server in self._servers:
            server.close()
        await self._guests.farewell(GOODBYE)
        await self._pages.close()
        self._writer.cancel()
        try:
            await self._agenda.close()
        finally:
            for actor in self._actors:
                actor.close()
            self.truth.close()

    def set_mood(self, provider: str, mood: ProviderMood) -> None:
        """Change how a provider feels from now on."""
        self.gate.moods[provider] = mood

    def status(self) -> dict[str, object]:
        """What `/status` shows."""
        pending = self._agenda.pending
        return {
            "received": self.mailbox.received,
            "accepted": self.truth.counts["accepted"],
            "pending_actions": pending,
            "done": pending == 0,
            "connections": len(self._guests.inside),
            "counts": dict(self.truth.counts),
        }

    def recipient(self, envelope: Envelope, address: str) -> Answer:
        """Part of `smtp.Host`."""
        if self.config.quiet:
            return Answer(OK, ok=True)
        verdict = self.gate.at_recipient(address, envelope.sender)
        if verdict is None:
            return Answer(OK, ok=True)
        return self._refused(verdict, envelope, address)

    def message(self, envelope: Envelope, raw: bytes) -> Answer:
        """Part of `smtp.Host`. Several recipients share the first one's answer, as SMTP has only one to give."""
        queue_id = f"{next(self._queue):08x}"
        verdict = Verdict(None)
        if not self.config.quiet:
            verdict = self.gate.at_message(envelope.recipients[0], envelope.sender, queue_id)
            if verdict.reason:
                message_id = header(headers_of(raw), "Message-ID")
                for address in envelope.recipients:
                    answer = self._refused(verdict, envelope, address, message_id)
                return answer
        self.mailbox.put(envelope.sender, tuple(envelope.recipients), raw)
        if not self.config.quiet or self.config.truth_path:
            self._accept(envelope, raw)
        reply = verdict.saying.wire if verdict.saying else f"250 2.0.0 Ok: queued as {queue_id}\r\n".encode()
        return Answer(b"" if verdict.closes else reply, ok=True, closes=verdict.closes, delay=verdict.delay)

    def _refused(self, verdict: Verdict, envelope: Envelope, address: str, message_id: str = "") -> Answer:
        saying = verdict.saying
        code = saying.code if saying else 0
        kind = "deferred" if code < 500 else "rejected"
        self.truth.tell(
            kind, address, message_id=message_id, sender=envelope.sender, status=code, reason=verdict.reason
        )
        return Answer(saying.wire if saying else b"", ok=False, closes=verdict.closes, delay=verdict.delay)

    def _accept(self, envelope: Envelope, raw: bytes) -> None:
        head = headers_of(raw)
        message_id = header(head, "Message-ID")
        variant = header(head, self.config.variant_header)
        arrived = clock.now()
        for address in envelope.recipients:
            comes_back = not self.config.quiet and self.gate.sends_back(address, envelope.sender)
            kind = "blocked" if comes_back else "accepted"
            first = self.truth.tell(kind, address, message_id=message_id, sender=envelope.sender, status=250)
            if self.config.quiet:
                continue
            provider = provider_of(domain_of(address))
            delivery = Delivery(
                Original(address, envelope.sender, raw, provider, envelope.envelope_id, arrived), message_id
            )
            if comes_back:
                self._plan(plan_blocked(self._climate, delivery))
            elif first:
                self._live_on(delivery, variant)

    def _live_on(self, delivery: Delivery, variant: str) -> None:
        climate, original = self._climate, delivery.original
        bounce = draw_bounce(climate, original.to, original.sender)
        if bounce and bounce.comes_later:
            planned = plan_return(climate, delivery, bounce)
        else:
            token = delivery.message_id or original.sender
            drawn = draw_reactions(climate, original.provider, original.to, token, variant)
            planned = plan_reactions(climate, delivery, drawn)
        self._plan(planned)

    def _plan(self, planned: Iterable[Planned]) -> None:
        horizon = self.config.horizon_hours * 3600
        soon = [(after, deed) for after, deed in planned if after <= horizon]
        for after, deed in in_real_time(soon, self.config.time_scale):
            self._agenda.add(after, deed)

    def _retry(self, deed: Send) -> None:
        again = Send(
            deed.to, deed.message_id, deed.kind, deed.reason, deed.sender, deed.destination, deed.letter, deed.tries + 1
        )
        self._agenda.add(max(RETRY * self.config.time_scale, 0.5), again)

    def _now(self) -> float:
        real = asyncio.get_running_loop().time() - self._born
        return real / self.config.time_scale

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(FLUSH)
            self.truth.flush()
            if self._weather and (moods := self._weather.changed()) is not None:
                self.gate.moods = {**self.config.moods, **moods}


async def _run(config: WorldConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop=stop)


def _raise_file_limit() -> None:
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
