"""Chance that repeats itself: a draw is a hash of the world's seed, whom it is about, and the name of the draw.

So a mailbox that does not exist never exists, a retried message meets the same fate, and a draw added later moves no
other.
"""

import math
from hashlib import blake2b
from random import Random
from statistics import NormalDist

_NORMAL = NormalDist()
_UNIT = 2.0**-53


class Dice:
    """The draws about one subject, for example one person, or one message to one person."""

    __slots__ = ("_key",)

    def __init__(self, seed: int, *about: str) -> None:
        text = "\0".join(about).encode("utf-8", "surrogateescape")
        self._key = blake2b(text, digest_size=32, key=seed.to_bytes(16, "big", signed=True)).digest()

    def number(self, name: str) -> int:
        """64 random bits."""
        return int.from_bytes(blake2b(name.encode(), digest_size=8, key=self._key).digest())

    def uniform(self, name: str) -> float:
        """Evenly spread over [0, 1)."""
        return (self.number(name) >> 11) * _UNIT

    def chance(self, name: str, probability: float) -> bool:
        return self.uniform(name) < probability

    def pick(self, name: str, count: int) -> int:
        """One of 0 … count - 1, all alike."""
        return self.number(name) % count

    def normal(self, name: str) -> float:
        """Standard normal."""
        return _NORMAL.inv_cdf(min(max(self.uniform(name), _UNIT), 1 - _UNIT))

    def lognormal(self, name: str, mu: float, sigma: float) -> float:
        return math.exp(mu + sigma * self.normal(name))

    def beta(self, name: str, a: float, b: float) -> float:
        return Random(self.number(name)).betavariate(a, b)
