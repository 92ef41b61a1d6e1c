"""The time as the ledger writes it: the system's clock, as far ahead as the application's is."""

import time
from datetime import UTC, datetime

from app.core import clock


class Moments:
    """Cheap enough to be asked for every message."""

    def __init__(self) -> None:
        self._offset = clock.now().timestamp() - time.time()
        self._dated, self._second = 0.0, clock.now()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._offset

    def date(self, moment: float) -> datetime:
        """For a Date header: whole seconds, made anew about once a second."""
        if moment - self._dated > 1.0 or moment < self._dated:
            self._dated, self._second = moment, datetime.fromtimestamp(int(moment), UTC)
        return self._second
