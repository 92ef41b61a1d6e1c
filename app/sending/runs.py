"""The row of a run: opened before the first claim, closed when nothing is held any more."""

import os
import socket
from typing import Any

from psycopg import AsyncConnection

from app.accounts.quiet import QUIET_SQL

_OPEN = f"""
INSERT INTO runs (workspace_id, campaign_id, host, pid, journal)
SELECT c.workspace_id, c.id, %(host)s, %(pid)s, %(journal)s FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
WHERE c.id = %(campaign)s AND c.state = 'sending' AND NOT {QUIET_SQL}
      AND (SELECT count(*) FROM runs
           WHERE campaign_id = %(campaign)s AND ended_at IS NULL AND outcome <> 'ending') < %(most)s
RETURNING id
"""  # noqa: S608 - only constants of the house are put together
_LOCK = "SELECT 1 FROM runs WHERE id = %s AND ended_at IS NULL FOR UPDATE"
RELEASE = """
UPDATE messages
SET state = CASE WHEN attempts > 1 THEN 'deferred' ELSE 'planned' END, attempts = attempts - 1, changed_at = now(),
    reason = CASE WHEN attempts > 1 THEN coalesce((
        SELECT a.reason FROM attempts a WHERE a.message_id = messages.id AND a.outcome = 'deferred'
        ORDER BY a.at DESC LIMIT 1), '') ELSE '' END
WHERE run_id = %s AND state = 'sending'
"""
"""Give back what was claimed and not begun: the due ones were due before and still are, for the same reason."""
_CLOSE = "UPDATE runs SET ended_at = now(), seen_at = now(), outcome = %s WHERE id = %s"
_ENDING = "UPDATE runs SET outcome = 'ending' WHERE id = %s"
_WAITING = """
UPDATE campaigns SET waiting_for = %(text)s,
       waiting_since = CASE WHEN %(text)s = '' THEN NULL WHEN waiting_for = %(text)s THEN waiting_since ELSE now() END
WHERE id = %(campaign)s AND state = 'sending' AND waiting_for <> %(text)s
"""


async def open_run(
    connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, journal: str, most: int
) -> int | None:
    """A new run of a sending campaign; None when it does not send, it is quiet, or `most` runs work on it already."""
    binds = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "journal": journal,
        "campaign": campaign_id,
        "most": most,
    }
    row = await (await connection.execute(_OPEN, binds)).fetchone()
    return None if row is None else row[0]


async def close_run(connection: AsyncConnection[tuple[Any, ...]], run_id: int, outcome: str) -> None:
    """Give back what was claimed and not begun, and end the run. Every outcome must be written before.

    The lock waits for a claim of ours that may still be under way on another connection, and keeps a recovery out.
    """
    async with connection.transaction():
        if await (await connection.execute(_LOCK, (run_id,))).fetchone():
            await connection.execute(RELEASE, (run_id,))
            await connection.execute(_CLOSE, (outcome, run_id))


async def give_back(connection: AsyncConnection[tuple[Any, ...]], run_id: int, under_way: list[int]) -> None:
    """Give back all that is not under way on a line of this run, which has stopped and only waits for answers now.

    From here on the run takes no worker's place. Every outcome known so far must be written before.
    """
    async with connection.transaction():
        if await (await connection.execute(_LOCK, (run_id,))).fetchone():
            await connection.execute(RELEASE + "AND id <> ALL(%s)", (run_id, under_way))
            await connection.execute(_ENDING, (run_id,))


async def say_waiting(connection: AsyncConnection[tuple[Any, ...]], campaign_id: int, text: str) -> None:
    """Tell the campaign's page why nothing goes out; an empty text when it flows again."""
    clean = text.encode("utf-8", "replace").decode().replace("\0", " ")
    await connection.execute(_WAITING, {"text": clean, "campaign": campaign_id})
