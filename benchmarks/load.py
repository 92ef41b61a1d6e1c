"""A small load generator: GET requests over kept-alive connections on loopback, one at a time on each.

    python -m benchmarks.load PORT CONNECTIONS < paths        (one path a line)

prints `{"seconds": …, "ok": …, "p50_ms": …, "p99_ms": …}`. A response of 400 or more is not ok.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial

HEAD = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """One kept-alive connection, which takes the next request as soon as it has its answer."""

    def __init__(self, requests: Iterator[bytes], times: list[float], done: "asyncio.Future[None]") -> None:
        self._requests, self._times, self._done = requests, times, done
        self._buffer = b""
        self._begin = 0.0
        self.ok = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 4 + _length(self._buffer[:end]):
            return
        self._times.append(time.perf_counter() - self._begin)
        self.ok += self._buffer[9:12] < b"400"
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._begin = time.perf_counter()
        self._transport.write(request)


def _length(head: bytes) -> int:
    place = head.lower().find(b"\r\ncontent-length:")
    return int(head[place + 17 :].partition(b"\r\n")[0]) if place >= 0 else 0


async def load(port: int, connections: int, made: Sequence[bytes]) -> dict[str, float]:
    """Make every request once and report."""
    requests = iter(made)
    times: list[float] = []
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(connections)]
    begin = time.perf_counter()
    opened = [Connection(requests, times, end) for end in ends]
    for connection in opened:
        await loop.create_connection(partial(_same, connection), "127.0.0.1", port)
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - begin
    times.sort()
    return {
        "seconds": seconds,
        "ok": sum(connection.ok for connection in opened),
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
    }


def _same(connection: Connection) -> Connection:
    return connection


if __name__ == "__main__":
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    requests = [HEAD.format(path).encode() for path in sys.stdin.read().split()]
    print(json.dumps(asyncio.run(load(port, connections, requests))))
