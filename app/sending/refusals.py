"""Refusals in a row that speak of us and not of a recipient, and whose they are."""

from enum import Enum

MOST = 25
"""After so many the rest of the people are spared."""


class Whose(Enum):
    """Of whom a row of refusals speaks."""

    NOBODY = 0
    """There are too few yet."""
    PROVIDER = 1
    TRANSPORT = 2


class Refusals:
    """Counts them by provider; an empty name stands for one that is not known."""

    def __init__(self) -> None:
        self._by_provider: dict[str, int] = {}

    def forget(self) -> None:
        """A message was taken, or refused for a reason of its own."""
        self._by_provider.clear()

    def count(self, provider: str) -> Whose:
        """One more. Where one provider alone refuses, it is that provider's matter; then counting begins anew."""
        counts = self._by_provider
        counts[provider] = counts.get(provider, 0) + 1
        if sum(counts.values()) < MOST:
            return Whose.NOBODY
        if len(counts) > 1 or not provider:
            return Whose.TRANSPORT
        counts.clear()
        return Whose.PROVIDER
