"""What a dead run left behind: its journal says what was taken, what is in doubt, and what was never begun.

A journal that lies on this machine is locked by its process for as long as that lives, so a lock we get proves a
death. Where there is no journal the run worked on another machine; it is given up when it was silent for
`settings.lease` seconds, far longer than the second for which its permissions last (desk.py).
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from app.core import clock
from app.core.extensions import settings
from app.core.logging import log
from app.core.settings import Settings, libpq_url
from app.messages.lifecycle import State
from app.sending import journal
from app.sending.connections import connect
from app.sending.outcomes import Ledger
from app.sending.runs import RELEASE
from app.sending.verdicts import Outcome

_OPEN = "SELECT id FROM runs WHERE ended_at IS NULL ORDER BY id"
_LOCK = """
SELECT journal, seen_at < now() - make_interval(secs => %s) FROM runs
WHERE id = %s AND ended_at IS NULL FOR UPDATE SKIP LOCKED
"""
_HELD = "SELECT id FROM messages WHERE run_id = %s AND state = 'sending'"
_END = "UPDATE runs SET ended_at = now(), outcome = %s WHERE id = %s"
_CRASH = "The worker ended before the mail server answered."
_LOST = "The machine that sent this was lost, and its notes with it."
_OLD = 24 * 3600.0
"""Seconds after which a journal that no open run names is thrown away."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done: runs closed, messages in doubt, messages given back."""

    runs: int = 0
    uncertain: int = 0
    released: int = 0


def recover_runs() -> Recovered:
    """Close every run whose process or machine is gone. Safe to call at any time, from several machines at once."""
    return asyncio.run(_recover(settings()))


async def _recover(settings: Settings) -> Recovered:
    total = Recovered()
    connection = await connect(libpq_url(settings.database_url))
    try:
        for (run_id,) in await (await connection.execute(_OPEN)).fetchall():
            done = await _recover_run(connection, int(run_id), settings)  # type: ignore[call-overload]
            total = Recovered(total.runs + done.runs, total.uncertain + done.uncertain, total.released + done.released)
        await _sweep(connection, settings)
    finally:
        await connection.close()
    if total.runs:
        log("sending").warning("runs recovered", runs=total.runs, uncertain=total.uncertain, released=total.released)
    return total


async def _recover_run(connection: AsyncConnection[tuple[Any, ...]], run_id: int, settings: Settings) -> Recovered:
    async with connection.transaction():
        row = await (await connection.execute(_LOCK, (settings.lease, run_id))).fetchone()
        if row is None:
            return Recovered()
        path, is_silent = Path(row[0]), bool(row[1])
        try:
            file = journal.lock(path)
        except OSError:
            # Not on this machine, or not ours to read.
            if not is_silent:
                return Recovered()
            return await _close(connection, run_id, settings, None)
        if file is None:
            return Recovered()
        try:
            with open(file, "rb", closefd=False) as data:
                record = journal.read(data.read())
            done = await _close(connection, run_id, settings, record)
        finally:
            os.close(file)
    path.unlink(missing_ok=True)
    return done


async def _close(
    connection: AsyncConnection[tuple[Any, ...]], run_id: int, settings: Settings, record: journal.Record | None
) -> Recovered:
    """Settle everything a dead run holds, in the transaction that has its row locked."""
    held = {row[0] for row in await (await connection.execute(_HELD, (run_id,))).fetchall()}
    outcomes, doubtful, words, transport = [], held, _LOST, ""
    if record is not None:
        outcomes = [outcome for number, outcome in record.outcomes.items() if number in held]
        # After a crash of the machine itself the journal's end may be missing: nothing proves a message not begun.
        doubtful = held & record.in_doubt if record.is_this_boot else held - record.outcomes.keys()
        words, transport = _CRASH, record.transport
    at = clock.now().timestamp()
    outcomes += [Outcome(number, at, State.UNCERTAIN, reason="unanswered", reply=words) for number in sorted(doubtful)]
    await Ledger(run_id, transport, settings.retry_seconds).write(connection, outcomes)
    released = (await connection.execute(RELEASE, (run_id,))).rowcount
    await connection.execute(_END, ("lost" if record is None else "recovered", run_id))
    return Recovered(1, len(doubtful), released)


async def _sweep(connection: AsyncConnection[tuple[Any, ...]], settings: Settings) -> None:
    """Throw away journals that no run needs: a process may die between making one and opening its run."""
    folder = settings.root / "journals"
    old = [path for path in folder.glob("*") if path.stat().st_mtime < clock.now().timestamp() - _OLD]
    if not old:
        return
    rows = await (await connection.execute("SELECT journal FROM runs WHERE ended_at IS NULL")).fetchall()
    needed = {row[0] for row in rows}
    for path in old:
        if str(path) not in needed and (file := journal.lock(path)) is not None:
            path.unlink(missing_ok=True)
            os.close(file)
