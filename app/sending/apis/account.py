"""An account at a provider with an API, as the sending room uses it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PER_CALL = 100
"""Messages in one call, where the provider takes more. A call that is lost on the way leaves all of them in doubt for
good, and beyond a hundred the calls get longer, not the mail faster."""


@dataclass(frozen=True, slots=True)
class ApiAccount:
    """A way out by a provider's API. `kind` names the provider (registry.py), `options` what only this one asks.

    `base_url` replaces the provider's own address: one of this machine, or a provider's own host by https.
    """

    kind: str
    name: str
    username: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    connections: int = 8
    timeout: float = 60.0
    """Seconds that one call may take, from the first byte said to the last byte heard."""
    base_url: str = ""
    per_call: int = PER_CALL

    @property
    def host(self) -> str:
        """Empty: no mailbox provider answers here, so its own rules for reading replies do not apply."""
        return ""
