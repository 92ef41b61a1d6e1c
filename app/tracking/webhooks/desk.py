"""Webhooks as they were last seen, and connections on which a call is stored in one statement, committed with it.

What is remembered of a webhook is never trusted: the statement that stores a call holds only while the webhook is still
what the call was verified by.
"""

import atexit
import time
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from app.core.errors import NotFound, TemporaryFailure
from app.core.logging import log
from app.core.sealing import unseal_text
from app.core.tokens import Keyring
from app.tracking.webhooks.calls import Lock
from app.tracking.webhooks.setup import PURPOSE

MOST = 1_000
"""Webhooks that are remembered."""
TELL_EVERY = 10.0
"""Seconds between two lines of the log about calls that could not be stored: there may be a thousand in each."""


class Hook(NamedTuple):
    """A webhook, and what it verifies by."""

    id: int
    workspace_id: int
    kind: str
    sealed: bytes | None
    topic: str | None
    heard_at: datetime | None
    lock: Lock


class Desk:
    """One for a process and its application; safe among threads."""

    def __init__(self, database_url: str, keyring: Keyring) -> None:
        self._url, self._keyring = database_url, keyring
        self._known: dict[str, Hook] = {}
        self._idle: list[psycopg.Connection[Any]] = []
        self._failed, self._tell_at = 0, 0.0
        atexit.register(self.close)

    def recall(self, public_id: str) -> Hook | None:
        """The webhook as this process last saw it."""
        return self._known.get(public_id)

    def look_up(self, public_id: str) -> Hook:
        """The webhook as it is. Raises NotFound when there is none, or when it is switched off."""
        rows = self.run(_FIND, {"public_id": public_id})
        if not rows:
            self._known.pop(public_id, None)
            raise NotFound("There is no webhook at this address, or it is switched off. Nothing was stored.")
        number, workspace_id, kind, sealed, options, heard_at = rows[0]
        secret = unseal_text(self._keyring, PURPOSE, sealed) if sealed else ""
        hook = Hook(number, workspace_id, kind, sealed, options.get("topic"), heard_at, Lock(number, secret, options))
        self.remember(public_id, hook)
        return hook

    def remember(self, public_id: str, hook: Hook) -> None:
        """Keep what was seen of a webhook."""
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[public_id] = hook

    def run(self, statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement, committed with it. Raises TemporaryFailure when the database does not answer."""
        while True:
            try:
                connection, is_new = self._idle.pop(), False
            except IndexError:
                connection, is_new = self._connect(), True
            try:
                rows = connection.execute(statement, values).fetchall()
            except psycopg.OperationalError as error:
                was_cut = connection.closed
                connection.close()
                # A server that was started again has cut off all that waited here: what stores is safe to repeat.
                if is_new or not was_cut:
                    raise _no_answer() from error
            except BaseException:
                connection.close()
                raise
            else:
                self._idle.append(connection)
                return rows

    def tell(self, error: TemporaryFailure) -> None:
        """Log that calls cannot be stored: the first of them at once, then how many there were."""
        self._failed += 1
        now = time.monotonic()
        if now >= self._tell_at:
            words = "calls could not be stored; they will come again"
            log("webhooks").error(words, calls=self._failed, error=str(error))
            self._failed, self._tell_at = 0, now + TELL_EVERY

    def close(self) -> None:
        """Give up the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> "psycopg.Connection[Any]":
        try:
            return psycopg.connect(self._url, autocommit=True, connect_timeout=5, row_factory=tuple_row)
        except psycopg.OperationalError as error:
            raise _no_answer() from error


def _no_answer() -> TemporaryFailure:
    return TemporaryFailure("The database does not answer just now. Nothing was stored; try again in a moment.")


# Whoever calls is known by nothing but the address: it tells the workspace.
_FIND = """
SELECT id, workspace_id, kind, secret_sealed, options, heard_at FROM webhooks
WHERE public_id = %(public_id)s AND is_enabled
"""
