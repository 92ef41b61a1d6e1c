"""What a review says: one thing, how grave it is, and where to mend it."""

from dataclasses import dataclass, field
from typing import Any, Literal

CONTENT = "campaigns.content"
AUDIENCE = "campaigns.audience"
CELLS = "campaigns.cells"
SETTINGS = "campaigns.settings"
WORKSPACE = "settings.index"

GRAVE = frozenset({"placeholder-link", "starter-text", "mailed-lately", "gap", "empty-link", "local-link"})
"""Warnings about what every reader would see: to send all the same, somebody has to say so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An error stops the send, a warning does not. `endpoint` and `anchor` are the page and the field to mend it."""

    level: Literal["error", "warning"]
    code: str
    message: str
    endpoint: str
    anchor: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_blocking(self) -> bool:
        return self.level == "error"

    @property
    def is_grave(self) -> bool:
        return not self.is_blocking and self.code in GRAVE
