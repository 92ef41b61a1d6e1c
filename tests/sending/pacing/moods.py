"""Servers that are several mailbox providers at once, each with a mood of its own."""

import time
from typing import Any

from tests.sending.servers import Server, Wire


class Providers(Server):
    """Asks `moods[domain]` for the reply to each RCPT; None or a missing mood: taken."""

    def __init__(self, **moods: Any) -> None:
        super().__init__()
        self.moods = {name.replace("_", "."): mood for name, mood in moods.items()}
        self.tries: list[tuple[float, str, bool]] = []

    def rcpt(self, wire: Wire, line: bytes) -> None:
        address = line[line.index(b"<") + 1 : line.index(b">")].decode()
        domain = address.partition("@")[2]
        mood = self.moods.get(domain)
        with self.lock:
            reply = mood(address) if mood else None
            self.tries.append((time.monotonic(), domain, reply is None))
        if reply:
            wire.say(reply)
        else:
            super().rcpt(wire, line)

    def taken(self, domain: str) -> list[float]:
        """When messages of a domain were accepted."""
        with self.lock:
            return [at for at, name, is_taken in self.tries if name == domain and is_taken]

    def refused(self, domain: str) -> list[float]:
        with self.lock:
            return [at for at, name, is_taken in self.tries if name == domain and not is_taken]


class Rate:
    """Takes so many a second, and says so to the rest."""

    def __init__(self, rate: float, burst: float = 5.0) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._stamp = burst, time.monotonic()

    def __call__(self, _address: str) -> bytes | None:
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._stamp) * self.rate)
        self._stamp = now
        if self._tokens < 1:
            return b"451 4.7.1 Your mail is rate limited, sending too fast"
        self._tokens -= 1
        return None


class Until:
    """Says one thing until told otherwise; takes the first few."""

    def __init__(self, reply: bytes, after: int = 0) -> None:
        self.reply: bytes | None = reply
        self.after = after

    def __call__(self, _address: str) -> bytes | None:
        self.after -= 1
        return None if self.after >= 0 else self.reply
