"""Who is connected, so that the house knows when it is full and can say goodbye to everybody."""

import asyncio
from typing import Protocol


class Guest(Protocol):
    """An SMTP connection."""

    def dismiss(self) -> None: ...

    def abort(self) -> None: ...


class Guests:
    """Connections inside, which count, and those that only wait for the client to hang up."""

    def __init__(self) -> None:
        self.inside: set[Guest] = set()
        self.leaving: set[Guest] = set()
        self._empty = asyncio.Event()

    def let_in(self, guest: Guest) -> None:
        self.inside.add(guest)

    def show_out(self, guest: Guest) -> None:
        self.inside.discard(guest)
        self.leaving.add(guest)

    def gone(self, guest: Guest) -> None:
        self.inside.discard(guest)
        self.leaving.discard(guest)
        if not self.inside and not self.leaving:
            self._empty.set()

    async def farewell(self, patience: float) -> None:
        """Send everybody home; cut off after so many seconds who does not go."""
        if not self.inside and not self.leaving:
            return
        self._empty.clear()
        for guest in [*self.inside]:
            guest.dismiss()
        for guest in [*self.leaving]:
            guest.abort()
        try:
            async with asyncio.timeout(patience):
                await self._empty.wait()
        except TimeoutError:
            for guest in [*self.inside, *self.leaving]:
                guest.abort()
