"""The send engine: one slice of one campaign in one worker process.

Claim → compose → hand over → hear → write, all at once: lines talk SMTP, `supply` asks the database ahead of them,
`books` writes behind them. What holds when things break is told in desk.py (permissions), journal.py and recovery.py.
"""

import asyncio
import gc
import os
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cache, partial
from secrets import token_hex
from threading import Event, Thread

import uvloop
from psycopg import OperationalError

from app.core.errors import MerpatiError, Unavailable
from app.core.extensions import keyring, settings
from app.core.logging import log
from app.core.memory import give_back_memory
from app.core.settings import Settings, libpq_url
from app.core.tokens import Keyring
from app.messages.lifecycle import State
from app.sending.allowance import Allowance
from app.sending.books import Books, wait_for
from app.sending.claims import Claims
from app.sending.connections import connect
from app.sending.couriers import keep_carriers
from app.sending.desk import SendDesk
from app.sending.everybody import LEAST_OF_A_PROBE
from app.sending.fairness import Hurry, Turn, next_turn
from app.sending.health import note_health
from app.sending.journal import Journal
from app.sending.letters import Letters, load_letters
from app.sending.outcomes import Ledger
from app.sending.pacing.buckets import Buckets
from app.sending.pacing.limits import Limits
from app.sending.pacing.pacer import exchange, keep_pace
from app.sending.pacing.rules import RATED
from app.sending.pacing.state import transport_key
from app.sending.runs import close_run, open_run, say_waiting
from app.sending.supply import claim_messages, permit_messages
from app.sending.warmup.allowance import find_identity, remaining
from app.sending.ways import Way, choose_way

SOON = 2.0
"""Seconds after the end of a slice in which its last answers usually come; whoever is slower holds up nobody else."""
GRACE = 20.0
"""Seconds that a stopping worker waits for answers to what it has handed over; then those are in doubt."""

LOOK = 0.5
"""Seconds between two looks at whether something is in a hurry."""

MOST_WAITING = 4
"""Slices of a worker that wait for their last answers beside its work; with more, it waits with them."""

_stop = Event()
_waiting: list[Thread] = []


@dataclass(frozen=True, slots=True)
class SliceResult:
    """What a slice came to. `has_more`: it ended while messages were left to claim."""

    outcome: str = "idle"
    has_more: bool = False
    counts: Counter[State] = field(default_factory=Counter)
    waiting_for: str = ""


def run_slice(campaign_id: int) -> SliceResult:
    """Send for up to `settings.send_slice` seconds. Raises Unavailable when the database does not answer.

    Mail servers may take minutes to answer the last dot (RFC 5321 §4.5.3.2.6). A slice that only waits for such answers
    goes on beside the worker's next job, in a thread of its own.
    """
    if _stop.is_set():
        return SliceResult("stopped", has_more=True)
    _spare_the_collector()
    work = _Slice(campaign_id, settings(), keyring())
    if sum(thread.is_alive() for thread in _waiting) >= MOST_WAITING:
        return _run(work)
    thread = Thread(target=copy_context().run, args=(_run_into, work, work.early), name=f"slice-{campaign_id}")
    thread.start()
    try:
        return work.early.result()
    finally:
        _waiting[:] = [each for each in (*_waiting, thread) if each.is_alive()]


def await_answers() -> None:
    """Until every slice has its last answers, or has given them up; for the end of a worker."""
    for thread in _waiting:
        thread.join()


def _run_into(work: "_Slice", result: "Future[SliceResult]") -> None:
    _let_others_first()
    try:
        found = _run(work)
    except BaseException as error:  # noqa: BLE001 - it is raised where the slice was asked for
        if result.done():
            log("sending").error("the end of a slice failed", exc_info=error)
        else:
            result.set_exception(error)
    else:
        if not result.done():
            result.set_result(found)


def _run(work: "_Slice") -> SliceResult:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(work.run())
        except OperationalError as error:
            raise Unavailable(
                "The database does not answer. Nothing was lost; sending goes on when it is back."
            ) from error


def request_stop() -> None:
    """End the slice under way within seconds and begin no other; for signal handlers."""
    _stop.set()


def allow_start() -> None:
    """Take `request_stop` back."""
    _stop.clear()


def _let_others_first() -> None:
    """Tell Linux that this thread is in no hurry: it does not break into another's work when it wakes.

    Whoever shares its cores (web, database, mail server) answers sooner, and a slice takes several replies at a time.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@cache
def _spare_the_collector() -> None:
    """Once per process: what it has loaded stays for good, and looking through it again took a tenth of a slice."""
    give_back_memory()
    gc.freeze()


class _Slice:
    def __init__(self, campaign_id: int, settings: Settings, keyring: Keyring) -> None:
        self._campaign = campaign_id
        self._settings, self._keyring = settings, keyring
        self._url = libpq_url(settings.database_url)
        self.early: Future[SliceResult] = Future()
        """The result, as soon as only answers are waited for."""

    async def run(self) -> SliceResult:
        connection = await connect(self._url)
        try:
            path = self._settings.root / "journals" / f"{self._campaign}-{token_hex(8)}"
            run_id = await open_run(connection, self._campaign, str(path), self._settings.workers)
            if run_id is None:
                return SliceResult()
            try:
                way = await choose_way(connection, self._campaign, self._settings, self._keyring, run_id)
                letters = await load_letters(
                    connection, self._campaign, self._settings, self._keyring, relay_signs=way.relay_signs
                )
                turn = await next_turn(connection, self._campaign, self._settings.send_slice)
                book = Journal(path, way.account.name)
            except (MerpatiError, OSError) as error:
                await close_run(connection, run_id, "waiting")
                await say_waiting(connection, self._campaign, str(error))
                return SliceResult("waiting", waiting_for=str(error))
            except Exception:
                # Whatever it was: a run left open would keep its campaign's lane until it is taken for dead.
                await self._abandon(run_id)
                raise
        finally:
            await connection.close()
        return await self._run(run_id, way, turn, letters, book)

    async def _run(self, run_id: int, way: Way, turn: Turn, letters: Letters, book: Journal) -> SliceResult:
        scale = self._settings.pace_scale
        desk = SendDesk(way.account, letters, book, Limits(self._settings.workers, scale))
        if way.is_probe and desk.everybody is not None:
            desk.everybody.least = LEAST_OF_A_PROBE
        buckets = Buckets(self._settings.redis_url, transport_key(way.transport_id), str(run_id), scale)
        ledger = Ledger(run_id, way.account.name, self._settings.retry_seconds)
        try:
            keeping = await connect(self._url)
            warming = await find_identity(keeping, self._campaign, way.transport_id)
        except BaseException:
            await buckets.close()
            # Its lock must go, or recovery would take this run for a living one.
            book.close(remove=False)
            raise
        books = Books(self._url, keeping, desk, ledger, warming)
        is_written = False
        try:
            await self._send(desk, books, buckets, way, turn, run_id)
            if desk.stopped == "paced" and not (warming and way.has_others):
                await buckets.rest(self._campaign, desk.rest, list(desk.limits.by_provider))
            desk.doubt_rest()
            await books.close(run_id, self._campaign)
            is_written = True
            await note_health(books.connection, way, desk)
        finally:
            await buckets.close()
            # While the journal exists, recovery takes over what did not reach the database.
            book.close(remove=is_written)
            await books.connection.close()
        return self._result(desk)

    def _result(self, desk: SendDesk) -> SliceResult:
        has_more = _stop.is_set() or (desk.stopped == "finished" and not desk.is_exhausted)
        return SliceResult(desk.stopped, has_more, desk.counts, desk.waiting_for)

    async def _abandon(self, run_id: int) -> None:
        """It failed before the first claim: end the run if the database answers, else leave it to its lease."""
        try:
            connection = await connect(self._url)
        except OperationalError:
            return
        try:
            await close_run(connection, run_id, "interrupted")
        except OperationalError:
            return
        finally:
            await connection.close()

    async def _send(self, desk: SendDesk, books: Books, buckets: Buckets, way: Way, turn: Turn, run_id: int) -> None:
        """Let everything run until the desk has stopped and every line is closed."""
        claims = Claims(self._campaign, run_id, attributes=desk.letters.need_attributes)
        asking = await connect(self._url)
        allowance = Allowance(way)
        desk.limits.know(await claims.count_left(asking, RATED, 1))
        await exchange(desk, buckets)
        caps = None if books.warming is None else partial(remaining, identity=books.warming, campaign_id=self._campaign)
        if caps is not None:
            desk.limits.cap(await caps(asking))
        helpers = [
            asyncio.create_task(permit_messages(desk, claims, asking, run_id, allowance)),
            asyncio.create_task(keep_carriers(way.account, desk)),
            asyncio.create_task(keep_pace(desk, buckets, asking, caps)),
        ]
        batch = self._settings.send_batch
        clerks = [
            asyncio.create_task(claim_messages(desk, claims, books, min(batch, way.most or batch))),
            asyncio.create_task(books.keep(self._campaign)),
        ]
        try:
            await self._watch(desk, helpers + clerks, books, buckets, turn, run_id)
        finally:
            desk.stop("failed", at_once=True)
            for line in list(desk.lines):
                line.hang_up("The worker ended before the mail server answered.")
            for task in helpers:
                task.cancel()
            books.end()
            _done, late = await asyncio.wait(clerks, timeout=GRACE)
            if late:
                # A statement that hangs; the connection is of no more use, and all of it is safe to repeat on another.
                await books.connection.close()
            for task in late:
                task.cancel()
            await _end(helpers + clerks)
            await allowance.close(desk)
            await asking.close()

    async def _watch(
        self,
        desk: SendDesk,
        tasks: list[asyncio.Task[None]],
        books: Books,
        buckets: Buckets,
        turn: Turn,
        run_id: int,
    ) -> None:
        loop = asyncio.get_running_loop()
        end, last = loop.time() + turn.seconds, float("inf")
        given_back = float("inf")
        hurry, looked_at = Hurry(), loop.time()
        while not desk.stopped or (desk.lines and loop.time() < last):
            await wait_for(desk.over, 0.1)
            desk.over.clear()
            desk.look_after_lines()
            if turn.yields and not desk.stopped and loop.time() > looked_at + LOOK:
                looked_at = loop.time()
                if hurry.look(looked_at, waits=await buckets.is_hurry()):
                    desk.stop("finished")
            if loop.time() > end:
                desk.stop(*_ending(desk))
            if desk.stopped and desk.lines and given_back == float("inf"):
                given_back = loop.time() + SOON
            if loop.time() > given_back and not desk.at_once:
                given_back = float("nan")  # once
                await books.give_back(run_id, self._campaign)
                if desk.stopped == "finished":
                    self.early.set_result(self._result(desk))
            if _stop.is_set():
                desk.stop("stopped")
                last = min(last, loop.time() + GRACE)
            for task in tasks:
                self._hear(desk, task)

    def _hear(self, desk: SendDesk, task: asyncio.Task[None]) -> None:
        """A part that failed stops the slice; what it knew is kept."""
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is None or desk.at_once:
            return
        if isinstance(error, OperationalError):
            # No failure of the transport: the next run may begin as soon as there is a database.
            desk.stop("interrupted", at_once=True)
        else:
            log("sending").error("send slice failed", campaign=self._campaign, exc_info=error)
            desk.stop("failed", at_once=True)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Until all are over. A cancellation that a library swallows is asked for again."""
    while open_ones := [task for task in tasks if not task.done()]:
        for task in open_ones:
            task.cancel()
        await asyncio.wait(open_ones, timeout=0.5)
    # What failed was heard of by `_watch`; this only says so.
    await asyncio.gather(*tasks, return_exceptions=True)


def _ending(desk: SendDesk) -> tuple[str, str]:
    """How a slice ends whose time is up: well, or with the reason why nothing at all came of it."""
    if desk.counts or desk.stopped:
        return "finished", ""
    if not desk.has_met:
        return "waiting", desk.trouble or f"The mail server at {desk.server} does not answer."
    return "waiting", f"The mail server at {desk.server} is so slow that nothing was answered yet."
