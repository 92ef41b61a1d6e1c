"""A slow line to a mail server: what a person can pause must take its time."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 1024


class SlowLine:
    """Relays TCP; what clients send passes at `rate` bytes per second in all, or freely when that is None."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.rate: int | None = None
        self.port = 0
        self._server = server
        self._is_open = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event
        self._turn: asyncio.Lock
        # A thread of its own: the browser's driver keeps a loop in the first one.
        self._thread = threading.Thread(target=lambda: asyncio.run(self._relay()))

    def open(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        assert self._is_open.wait(10)

    def close(self) -> None:
        """Hang up."""
        assert self._loop
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _relay(self) -> None:
        self._loop, self._closing, self._turn = asyncio.get_running_loop(), asyncio.Event(), asyncio.Lock()
        listening = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        self._is_open.set()
        await self._closing.wait()
        listening.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._server)
        there = asyncio.create_task(self._carry(reader, far_writer, slowly=True))
        back = asyncio.create_task(self._carry(far_reader, writer, slowly=False))
        closing = asyncio.create_task(self._closing.wait())
        await asyncio.wait((there, back, closing), return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back, closing):
            task.cancel()
        await asyncio.gather(there, back, closing, return_exceptions=True)
        for end in (writer, far_writer):
            end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slowly: bool) -> None:
        while piece := await reader.read(CHUNK):
            if slowly and self.rate:
                async with self._turn:
                    await asyncio.sleep(len(piece) / self.rate)
            writer.write(piece)
            await writer.drain()


@contextmanager
def slow_line(server: tuple[str, int]) -> Iterator[SlowLine]:
    """A line to `server`, fast until its `rate` is set."""
    line = SlowLine(server)
    line.open()
    try:
        yield line
    finally:
        line.close()
