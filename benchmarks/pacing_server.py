"""An SMTP server that is five mailbox providers, told apart by the recipient's domain, each in its own mood.

Run as `python -m benchmarks.pacing_server PORT MOODS`; MOODS is JSON, domain → mood. A mood: `rate` and `burst` of what
is accepted a second; `then` and `after`: the rate it changes to, and when; `at_once`: transactions; `seconds`: how long
each takes; `grey`: the share of first tries that are told to come back.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import uvloop

Reply = bytes
OK = b"250 2.0.0 Ok\r\n"


@dataclass
class Provider:
    """One provider: what it bears, and what it has had."""

    rate: float = 0.0
    burst: float = 10.0
    then: float = 0.0
    after: float = 0.0
    at_once: int = 0
    seconds: float = 0.005
    grey: float = 0.0
    tokens: float = field(default=0.0, init=False)
    stamp: float = field(default=0.0, init=False)
    begun: float = field(default=0.0, init=False)
    open: int = field(default=0, init=False)
    met: set[bytes] = field(default_factory=set, init=False)

    def judge(self, address: bytes) -> Reply:
        """The reply to RCPT."""
        now = time.monotonic()
        if not self.begun:
            self.begun = self.stamp = now
            self.tokens = self.burst
        rate = self.then if self.then and now - self.begun > self.after else self.rate
        self.tokens = min(self.burst, self.tokens + (now - self.stamp) * rate)
        self.stamp = now
        if self.at_once and self.open >= self.at_once:
            return b"421 4.7.0 Too many concurrent connections from your host\r\n"
        if rate and self.tokens < 1:
            return b"451 4.7.1 Your mail is rate limited, sending too fast\r\n"
        self.tokens -= 1
        if self.grey and address not in self.met and crc32(address) % 1000 < self.grey * 1000:
            self.met.add(address)
            return b"450 4.2.0 Greylisted, come back later\r\n"
        return OK


class Server:
    """Speaks just enough SMTP, without pipelining its own delays: a reply is late, the next command waits."""

    def __init__(self, moods: dict[str, dict[str, Any]]) -> None:
        self._providers = {domain.encode(): Provider(**mood) for domain, mood in moods.items()}

    async def serve(self, port: int) -> None:
        """Until the process ends."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", port, limit=2**20)
        async with server:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        provider: Provider | None = None
        writer.write(b"220 nest.test ESMTP\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-nest.test\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n")
                elif verb == b"RCPT":
                    provider = await self._rcpt(line, writer)
                    if provider is None and self._is_over:
                        break
                elif verb == b"DATA" and provider is None:
                    writer.write(b"554 5.5.1 No valid recipients\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 Go ahead\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    if provider is not None:
                        await asyncio.sleep(provider.seconds)
                        provider.open -= 1
                    provider = None
                    writer.write(OK)
                elif verb == b"QUIT":
                    writer.write(b"221 2.0.0 Bye\r\n")
                    break
                else:
                    writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if provider is not None:
                provider.open -= 1
            writer.close()

    async def _rcpt(self, line: bytes, writer: asyncio.StreamWriter) -> Provider | None:
        address = line[line.index(b"<") + 1 : line.index(b">")]
        provider = self._providers[address.rpartition(b"@")[2]]
        reply = provider.judge(address)
        writer.write(reply)
        self._is_over = reply.startswith(b"421")
        if reply is not OK:
            return None
        provider.open += 1
        return provider


if __name__ == "__main__":
    uvloop.run(Server(json.loads(sys.argv[2])).serve(int(sys.argv[1])))
