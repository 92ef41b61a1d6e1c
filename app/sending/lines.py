"""The connections of one run: one first, then the others, again after a loss, and slower where it fails."""

import asyncio

from app.sending.account import Account
from app.sending.desk import SendDesk
from app.sending.greeting import NoLine, open_line

FAILURES = 4
"""Failures in a row after which a run without any connection gives up; a later run tries again."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class Lines:
    """Keeps as many connections open as there is work for."""

    def __init__(self, account: Account, desk: SendDesk) -> None:
        self._account, self._desk = account, desk
        self._limit = account.connections
        self._failures = 0

    async def keep(self) -> None:
        """Open connections until the desk stops."""
        desk = self._desk
        while not desk.stopped:
            desk.short_of_lines.clear()
            if (missing := self._missing()) > 0:
                await self._open(missing)
            else:
                await desk.short_of_lines.wait()

    def _missing(self) -> int:
        desk = self._desk
        wanted = min(self._limit, len(desk.lines) + desk.backlog)
        if not desk.lines or (desk.fruitless and not any(line.verdicts for line in desk.lines)):
            # A server that is down is knocked at with one hand; one that hangs up on messages gets no more of them
            # at a time than that, until it has judged one.
            wanted = min(wanted, 1)
        return wanted - len(desk.lines)

    async def _open(self, count: int) -> None:
        desk = self._desk
        if desk.fruitless >= FAILURES and not any(line.verdicts for line in desk.lines):
            words = desk.last_words[:300]
            desk.stop("waiting", f"The mail server at {self._account.name} ends every conversation: {words}")
            return
        if trouble := max(self._failures, desk.fruitless):
            await asyncio.sleep(min(_FIRST_PAUSE * 2**trouble, _LONGEST_PAUSE))
        pipelining = not desk.broken_pipelining
        opening = [open_line(self._account, desk, pipelining=pipelining) for _ in range(count)]
        results = await asyncio.gather(*opening, return_exceptions=True)
        faults = []
        for result in results:
            if isinstance(result, NoLine):
                faults.append(result)
            elif isinstance(result, BaseException):
                raise result
        if faults:
            desk.trouble, desk.is_setup_fault = str(faults[0]), faults[0].is_setup
        self._failures = self._failures + 1 if faults and len(faults) == len(results) else 0
        if faults and desk.lines:
            # It takes some of our connections: work with those, and ask for no more in this run.
            self._limit = len(desk.lines)
        elif self._failures >= FAILURES or (faults and faults[0].is_setup):
            desk.stop("waiting", str(faults[0]))
