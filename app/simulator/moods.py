"""How a provider is feeling today, beyond what the draws decide; by default every provider is well."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProviderMood:
    """What a provider does on top of its usual behaviour. Zero or empty means: does not happen."""

    per_minute: int = 100_000
    """Recipients taken per minute of the world's time; more are answered with the provider's rate limit."""
    defer_every: int = 0
    """Each so-manieth recipient is answered with the rate limit, and the connection closed."""
    accept_delay: float = 0.0
    """Real seconds between the final dot and the reply."""
    drop_every: int = 0
    """Each so-manieth message: the connection is closed after the final dot, without any reply."""
    drop_keeps: bool = False
    """Whether the messages of `drop_every` were taken all the same."""
    refuse: str = ""
    """One of the occasions in `words`, said to every recipient: trouble, limit, unknown …"""
    spam: float = 0.0
    """Share of messages refused as spam after the final dot."""
    blocklist: float = 0.0
    """Share of recipients refused because the sender stands on a blocklist, whoever they are."""
    blocklist_later: float = 0.0
    """Share of the messages taken that come back for the same reason, half as a report, half in free text."""


WELL = ProviderMood()
