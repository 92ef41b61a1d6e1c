"""Mail servers that bring back mail all at once, and come again after a 4xx or a cut line, as mail servers do.

What to do comes as JSON: {"port", "connections", "domain", "first", "tokens"}. Prints {"seconds", "again"}.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.incoming_mails import Back, make

PAUSE = 0.2
"""Seconds until a mail that was not taken is brought again."""


class Bringer:
    """One connection after the other, each for as many mails as it lasts."""

    def __init__(self, port: int, mails: Iterator[Back]) -> None:
        self._port, self._mails = port, mails
        self.again = 0

    async def bring(self) -> None:
        """Bring mails until none is left; each until it was taken."""
        mail = next(self._mails, None)
        while mail is not None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                await _expect(reader, b"220")
                await _say(reader, writer, b"EHLO mx.example.net\r\n", b"250")
                while mail is not None:
                    await _hand_over(reader, writer, mail)
                    mail = next(self._mails, None)
                writer.close()
            except (OSError, EOFError, _NotTaken):
                self.again += 1
                await asyncio.sleep(PAUSE)


class _NotTaken(Exception):
    pass


async def _hand_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Back) -> None:
    await _say(reader, writer, b"MAIL FROM:<>\r\n", b"250")
    await _say(reader, writer, f"RCPT TO:<{mail.envelope_to}>\r\n".encode(), b"250")
    await _say(reader, writer, b"DATA\r\n", b"354")
    await _say(reader, writer, mail.raw.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n", b"250")


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, code: bytes) -> None:
    writer.write(line)
    await _expect(reader, code)


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while (line := await reader.readuntil(b"\r\n"))[3:4] == b"-":
        pass
    if line[:3] != code:
        raise _NotTaken


async def bring_all(asked: dict[str, Any]) -> dict[str, float]:
    """Every mail once, over that many connections at a time."""
    mails = [make(asked["first"] + place, token, asked["domain"]) for place, token in enumerate(asked["tokens"])]
    queue = iter(mails)
    bringers = [Bringer(asked["port"], queue) for _ in range(asked["connections"])]
    begin = time.perf_counter()
    await asyncio.gather(*(bringer.bring() for bringer in bringers))
    return {"seconds": time.perf_counter() - begin, "again": sum(bringer.again for bringer in bringers)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(bring_all(json.load(sys.stdin)))))
