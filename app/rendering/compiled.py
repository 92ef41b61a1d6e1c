"""A compiled design: what is kept with each version, so that what was sent never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

SLOT_SIZE = 90
"""Bytes a tracked address takes, for the estimate of a mail's size."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a design, by its place; the same address twice is two links."""

    index: int
    url: str
    label: str

    @property
    def is_personal(self) -> bool:
        """Whether the address differs from person to person."""
        return "{{" in self.url or "{%" in self.url


@dataclass(frozen=True, slots=True)
class CompiledDesign:
    """HTML and plain text with merge tags; tracked links stand as `{{ link_0 }}` and so on.

    `{{ preheader }}` and `{{ pixel }}` in the HTML are our own places for the hidden preview text and the open pixel.
    `preheader` is the author's `mj-preview`, used when the campaign sets none. `size_bytes` is the HTML with addresses.
    """

    html: str
    text: str
    links: tuple[Link, ...]
    fields: tuple[str, ...]
    size_bytes: int
    preheader: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "html": self.html,
            "text": self.text,
            "links": [{"index": link.index, "url": link.url, "label": link.label} for link in self.links],
            "fields": list(self.fields),
            "size_bytes": self.size_bytes,
            "preheader": self.preheader,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From what `to_dict` gave."""
        return cls(
            html=data["html"],
            text=data["text"],
            links=tuple(Link(link["index"], link["url"], link["label"]) for link in data["links"]),
            fields=tuple(data["fields"]),
            size_bytes=data["size_bytes"],
            preheader=data.get("preheader", ""),
        )
