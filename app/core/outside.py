"""Requests that wait for machines elsewhere: few at once, and none for long.

A server may drip and a name server may dawdle. Whoever asked them waits; everybody else's pages have the other threads.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from app.core.database import current_workspace_id
from app.core.errors import Busy
from app.core.extensions import settings

SHARE = 4
"""One thread in so many may wait, and one in any case."""
_EXTENSION = "merpati.outside"


@contextmanager
def waiting_outside(seconds: float) -> Iterator[float]:
    """For the block, this request may wait for other machines, until a moment of the monotonic clock, which is given.

    Raises Busy at once when the workspace in scope, or this process, has enough of them. Does not nest.
    """
    workspace_id = current_workspace_id()
    places: _Places = current_app.extensions.setdefault(_EXTENSION, _Places())
    if not places.take(workspace_id, most=max(1, settings().web_threads // SHARE)):
        raise Busy("Another check is under way. Nothing was changed by this one; try again in a few seconds.")
    try:
        yield time.monotonic() + seconds
    finally:
        places.give_back(workspace_id)


class _Places:
    """The workspaces that have a request waiting, in this process."""

    def __init__(self) -> None:
        self._taken, self._lock = set[int](), threading.Lock()

    def take(self, workspace_id: int, *, most: int) -> bool:
        with self._lock:
            if workspace_id in self._taken or len(self._taken) >= most:
                return False
            self._taken.add(workspace_id)
            return True

    def give_back(self, workspace_id: int) -> None:
        with self._lock:
            self._taken.discard(workspace_id)
