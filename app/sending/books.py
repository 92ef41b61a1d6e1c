"""Outcomes from the desk to the database, several times a second; when the database is away, until it is back."""

import asyncio
from typing import Any

from psycopg import AsyncConnection, OperationalError

from app.core.errors import Unavailable
from app.core.logging import log
from app.messages.lifecycle import State
from app.sending.connections import connect
from app.sending.desk import SendDesk
from app.sending.outcomes import Ledger
from app.sending.runs import close_run, give_back, say_waiting
from app.sending.verdicts import Outcome
from app.sending.warmup.allowance import Identity, note_used

EVERY = 0.2
"""Seconds between writes."""
MOST = 2000
"""Outcomes in one statement."""
GIVE_UP = 600.0
"""Seconds without database after which the rest is left to the journal."""


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until the event, but no longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class Books:
    """Writes what the desk has heard. `connection` is replaced when it is lost; `lock` keeps its users apart."""

    def __init__(
        self,
        url: str,
        connection: AsyncConnection[tuple[Any, ...]],
        desk: SendDesk,
        ledger: Ledger,
        warming: Identity | None = None,
    ) -> None:
        self.connection = connection
        self.warming = warming
        """The identity whose allowance these messages use."""
        self.lock = asyncio.Lock()
        self._url, self._desk, self._ledger = url, desk, ledger
        self._unwritten: list[Outcome] = []
        self._sent = 0
        self._end = asyncio.Event()

    async def keep(self, campaign_id: int) -> None:
        """Write now and then, until `end`. Raises OperationalError; nothing is lost by it."""
        while not self._end.is_set():
            await wait_for(self._end, EVERY)
            async with self.lock:
                await self._write()
                # Another run may have said meanwhile that it waits, by another transport for instance: mail flows.
                if self._desk.counts[State.SENT] != self._sent:
                    self._sent = self._desk.counts[State.SENT]
                    await say_waiting(self.connection, campaign_id, "")

    async def give_back(self, run_id: int, campaign_id: int) -> None:
        """The desk has stopped and lines still wait for answers: nobody else's turn is held up by them."""
        async with self.lock:
            await self._write()
            await give_back(self.connection, run_id, self._desk.under_way)
            if self._desk.waiting_for:
                await say_waiting(self.connection, campaign_id, self._desk.waiting_for)

    def end(self) -> None:
        """Let `keep` return after one more write."""
        self._end.set()

    async def close(self, run_id: int, campaign_id: int) -> None:
        """Write the rest, give back what was not begun, end the run. Raises Unavailable if the database stays away."""
        waited = pause = 0.5
        while True:
            try:
                if self.connection.closed:
                    self.connection = await connect(self._url)
                await self._write()
                await close_run(self.connection, run_id, self._desk.stopped)
                if self._desk.waiting_for:
                    await say_waiting(self.connection, campaign_id, self._desk.waiting_for)
                return
            except OperationalError as error:
                await self.connection.close()
                if waited > GIVE_UP:
                    raise Unavailable(
                        "The database did not come back. What was sent stands in the journal and is taken from there."
                    ) from error
                log("sending").warning("database away", run=run_id, unwritten=len(self._unwritten), retry_in=pause)
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 2, 2.0)

    async def _write(self) -> None:
        desk = self._desk
        if desk.outcomes:
            self._unwritten += desk.outcomes
            desk.outcomes = []
        while self._unwritten:
            written = self._unwritten[:MOST]
            await self._ledger.write(self.connection, written)
            del self._unwritten[:MOST]
            if self.warming is not None:
                used = [outcome.message_id for outcome in written if _is_use(outcome)]
                await note_used(self.connection, self.warming, used)


def _is_use(outcome: Outcome) -> bool:
    """Whether a message used up some of a warm-up's allowance."""
    return outcome.state not in (State.SKIPPED, State.FAILED) and not outcome.is_kept
