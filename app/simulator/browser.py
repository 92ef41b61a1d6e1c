"""A small HTTP/1.1 client (RFC 9112): one kept-alive connection, no redirects followed, no caching."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from app.core.errors import Unavailable
from app.simulator.site import Site

TIMEOUT = 30.0
LARGEST = 4 * 1024 * 1024


class NoAnswer(Unavailable):
    """The site did not answer, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: tuple[str, ...] = ()


class Browser:
    """Visits one site, one request at a time. Not for two tasks at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def fetch(self, path: str, headers: Mapping[str, str], *, method: str = "GET", body: bytes = b"") -> Page:
        """Ask for a path. Raises NoAnswer."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._site.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, "", ""]).encode("utf-8") + body
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._exchange(request)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes) -> Page:
        if self._streams:
            # The server may have closed a kept connection meanwhile; then, and only then, ask again on a new one.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                return await self._ask(*self._streams, request)
            self.close()
        context = ssl.create_default_context() if self._site.scheme == "https" else None
        self._streams = await asyncio.open_connection(self._site.host, self._site.port, ssl=context, limit=65536)
        return await self._ask(*self._streams, request)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Page:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        version, status = first.split(" ")[:2]
        pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        headers = dict(pairs)
        body = await _read_body(reader, int(status), headers)
        if version != "HTTP/1.1" or headers.get("connection", "").lower() == "close":
            self.close()
        cookies = tuple(value.partition(";")[0] for name, value in pairs if name == "set-cookie")
        return Page(int(status), headers, body, cookies)


async def _read_body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> bytes:
    if status in (204, 304):
        return b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader)
    if "content-length" in headers:
        length = int(headers["content-length"])
        if length > LARGEST:
            raise ValueError("the answer is too long")
        return await reader.readexactly(length)
    return await reader.read(LARGEST)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        if len(body) + size > LARGEST:
            raise ValueError("the answer is too long")
        body += (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)
