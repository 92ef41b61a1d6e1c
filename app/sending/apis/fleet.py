"""The carriers of one run: one first, the others when the first was answered, fewer where the provider asks for it."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import httpx

from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, Said
from app.sending.apis.carrier import ApiCarrier
from app.sending.apis.exchange import Exchange, open_client, to_the_end
from app.sending.apis.sender import Sender
from app.sending.desk import SendDesk
from app.sending.greeting import NoLine

FAILURES = 4
"""Failures in a row after which the run gives up; a later run tries again."""
MOST_HOLDS = 6
"""Calls in a row that were turned away for haste, after which the run gives up for now."""
FIRST_HOLD, LONGEST_HOLD = 1.0, 60.0
"""Seconds of silence after such a call, doubling, where the provider names none; and the most a run waits for."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class Fleet:
    """Keeps as many carriers at work as there is work for."""

    def __init__(self, account: ApiAccount, desk: SendDesk, sender: Sender) -> None:
        self._account, self._desk, self._sender = account, desk, sender
        self._most = max(1, min(sender.most_per_call, account.per_call))
        self._limit = account.connections
        self._failures = self._holds = 0
        self._until = 0.0
        self._has_verdict = False
        self._calls: set[asyncio.Task[list[Answer]]] = set()
        self._error: BaseException | None = None
        self._loop = asyncio.get_running_loop()

    async def keep(self) -> None:
        """Keep carriers until the desk stops and the last call is answered."""
        desk = self._desk
        async with open_client(self._account) as client:
            try:
                while not desk.stopped or desk.lines:
                    desk.short_of_lines.clear()
                    if self._error is not None:
                        raise self._error
                    if not desk.stopped and (missing := self._missing()) > 0:
                        await self._open(client, missing)
                    else:
                        await desk.short_of_lines.wait()
            finally:
                for carrier in list(desk.lines):
                    carrier.hang_up("The worker ended before the provider answered.")
                await to_the_end(self._calls)

    # what the carriers call

    @property
    def is_holding(self) -> bool:
        """Whether no call may begin now."""
        return self._loop.time() < self._until

    @property
    def is_trusted(self) -> bool:
        """Whether the provider has judged messages, and no call has ended in doubt since."""
        return self._has_verdict

    def heard(self, answers: Sequence[Answer]) -> None:
        """Slow down where the provider asks for it; go on with more carriers where it does not."""
        said = [answer for answer in answers if isinstance(answer, Said)]
        holds = [answer.hold for answer in said if answer.hold is not None]
        if not said:
            self._has_verdict = False
        if holds:
            self._hold(max(holds), next(answer.reply.words for answer in said if answer.hold is not None))
        elif said:
            self._holds = 0
            if not self._has_verdict:
                self._has_verdict = True
                self._desk.short_of_lines.set()

    def call(self, sending: Coroutine[Any, Any, list[Answer]]) -> asyncio.Task[list[Answer]]:
        """Begin a call, and see to it that it ends before the connections are closed."""
        call = self._loop.create_task(sending)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    def broke(self, error: BaseException) -> None:
        """A carrier met something that nobody foresaw: `keep` raises it."""
        self._error = error
        self._desk.short_of_lines.set()

    def _hold(self, asked: float, words: str) -> None:
        if self.is_holding:
            # A call that was under way when the silence began says nothing new.
            return
        self._holds += 1
        wait = asked or min(FIRST_HOLD * 2 ** (self._holds - 1), LONGEST_HOLD)
        if wait > LONGEST_HOLD or self._holds >= MOST_HOLDS:
            self._desk.stop("waiting", f"{self._account.name} asks us to slow down: {words[:300]}")
            return
        self._until = self._loop.time() + wait
        self._loop.call_at(self._until, self._go_on)
        self._limit = max(1, self._limit // 2)
        for carrier in list(self._desk.lines)[self._limit :]:
            carrier.finish()

    def _go_on(self) -> None:
        for carrier in list(self._desk.lines):
            carrier.wake()
        self._desk.short_of_lines.set()

    # opening

    def _missing(self) -> int:
        desk = self._desk
        if self.is_holding:
            return 0
        calls = -(-desk.backlog // self._most)
        wanted = min(self._limit, len(desk.lines) + calls)
        if not self._has_verdict or not desk.lines:
            # Until it has judged one message, a single call is all that may end in doubt.
            wanted = min(wanted, 1)
        return wanted - len(desk.lines)

    async def _open(self, client: httpx.AsyncClient, count: int) -> None:
        desk, name = self._desk, self._account.name
        if desk.fruitless >= FAILURES and not desk.lines:
            desk.stop("waiting", f"{name} ends every conversation: {desk.last_words[:300]}")
            return
        if trouble := max(self._failures, desk.fruitless):
            await asyncio.sleep(min(_FIRST_PAUSE * 2**trouble, _LONGEST_PAUSE))
        results = await asyncio.gather(*(self._reach(client) for _ in range(count)), return_exceptions=True)
        faults = [result for result in results if isinstance(result, BaseException)]
        for fault in faults:
            if not isinstance(fault, NoLine):
                raise fault
            desk.trouble, desk.is_setup_fault = str(fault), fault.is_setup
        self._failures = self._failures + 1 if len(faults) == len(results) else 0
        if faults and desk.lines:
            # It takes some of our connections: work with those, and ask for no more in this run.
            self._limit = len(desk.lines)
        elif self._failures >= FAILURES or (faults and desk.is_setup_fault):
            desk.stop("waiting", desk.trouble)

    async def _reach(self, client: httpx.AsyncClient) -> None:
        exchange = Exchange(client, self._account)
        await exchange.knock(self._sender.base_url)
        ApiCarrier(self._desk, self._sender, exchange, self, self._most).start()
