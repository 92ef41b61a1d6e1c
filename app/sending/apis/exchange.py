"""One call to a provider after another, by HTTP/1.1: bounded in time and size, and sure of what was said.

A call is in doubt from the first byte of its body: before that, no provider can have taken anything. Redirects are not
followed and no proxy is asked, so that keys and addresses go to the provider and nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import httpx

from app.sending.apis.account import ApiAccount
from app.sending.greeting import HANDSHAKE, NoLine

LONGEST_ANSWER = 1024 * 1024
"""Bytes. The longest that makes sense, verdicts on 500 messages, has a fifth of it."""
IDLE = 4.0
"""Seconds after which a connection is not used again: who writes while the other side hangs up leaves a doubt."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Request(NamedTuple):
    """A POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Response(NamedTuple):
    """What came back; header names in lower case. Not `is_whole`: it broke off, or was too long."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True


class NoResponse(Exception):
    """The call ended without so much as a status. `is_written`: its body had begun to leave."""

    def __init__(self, message: str, *, is_written: bool) -> None:
        super().__init__(message)
        self.is_written = is_written


@asynccontextmanager
async def open_client(account: ApiAccount) -> AsyncIterator[httpx.AsyncClient]:
    """Connections for all carriers of an account, for the block."""
    wait = min(HANDSHAKE, account.timeout)
    client = httpx.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(account.timeout, connect=wait, pool=wait),
        limits=httpx.Limits(
            max_connections=account.connections,
            max_keepalive_connections=account.connections,
            keepalive_expiry=IDLE,
        ),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Merpati"},
    )
    try:
        yield client
    finally:
        await to_the_end([asyncio.create_task(client.aclose())])


async def to_the_end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Wait for tasks that end soon, even when cancelled: half-closed connections would outlive the event loop."""
    cancelled: asyncio.CancelledError | None = None
    while waiting := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(waiting)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def address_of(account: ApiAccount, own: str) -> str:
    """Where calls go: the provider's `own` address, or what replaces it on this machine. Raises NoLine."""
    if not account.base_url:
        return own
    parts = urlsplit(account.base_url)
    is_here = parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK
    if not is_here and (parts.scheme, parts.netloc) != ("https", urlsplit(own).netloc):
        raise NoLine(
            f"{account.name} cannot be used: its address is neither the provider's own nor one of this machine. "
            "Nothing was sent; take the address away in the settings.",
            is_setup=True,
        )
    return account.base_url.rstrip("/")


class Exchange:
    """One carrier's side of the client: a call at a time."""

    def __init__(self, client: httpx.AsyncClient, account: ApiAccount) -> None:
        self.is_written = False
        """Whether the body of the last call began to leave."""
        self._client, self._name, self._timeout = client, account.name, account.timeout

    async def knock(self, base_url: str) -> None:
        """Connect, so that no message is taken for a provider who cannot be reached. Raises NoLine."""
        try:
            async with asyncio.timeout(min(HANDSHAKE, self._timeout)):
                await self._client.head(f"{base_url}/")
        except (TimeoutError, httpx.TimeoutException):
            raise NoLine(f"{self._name} does not answer.") from None
        except httpx.HTTPError as error:
            raise NoLine(f"{self._name} cannot be reached: {_fault(error)}.") from error

    async def post(self, request: Request) -> Response:
        """The answer, or as much as came of it. Raises NoResponse."""
        self.is_written = False
        heard = _Heard()
        fault = ""
        try:
            async with asyncio.timeout(self._timeout):
                await self._post(request, heard)
        except (TimeoutError, httpx.TimeoutException):
            fault = "did not answer in time"
        except httpx.HTTPError as error:
            fault = f"closed the connection ({_fault(error)})"
        if not heard.status:
            raise NoResponse(f"{self._name} {fault}.", is_written=self.is_written)
        return Response(heard.status, heard.headers, bytes(heard.body), heard.is_whole)

    async def _post(self, request: Request, heard: "_Heard") -> None:
        call = self._client.build_request(
            "POST",
            request.url,
            headers=dict(request.headers),
            content=request.body,
            extensions={"trace": self._note},
        )
        response = await self._client.send(call, stream=True)
        try:
            heard.status, heard.headers = response.status_code, dict(response.headers)
            async with aclosing(cast(AsyncGenerator[bytes, None], response.aiter_raw())) as chunks:
                async for chunk in chunks:
                    heard.body += chunk[: LONGEST_ANSWER - len(heard.body)]
                    if len(heard.body) >= LONGEST_ANSWER:
                        return
            heard.is_whole = True
        finally:
            await response.aclose()

    async def _note(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_body.started":
            self.is_written = True


class _Heard:
    """What has come so far."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()
        self.is_whole = False


def _fault(error: httpx.HTTPError) -> str:
    words = " ".join(str(error).split()).rstrip(".")
    return words[:200] or type(error).__name__
