"""Which faults are one cause: what is wrong only because of another is named under that one, and not counted."""

from collections.abc import Mapping

SHARED = ("soa-bounce", "spf", "mx-bounce", "ptr", "tls")
"""Checks of the return address and of the sending machine: the same for all domains of an installation."""
_FOLLOWS = {
    "soa": ("mx", "dkim", "dmarc", "alignment", "reports", "bimi"),
    "dmarc": ("alignment", "reports", "bimi"),
    "dkim": ("alignment",),
    "soa-bounce": ("spf", "mx-bounce", "tls"),
}
"""What cannot be right as long as something else is wrong; the nearest to the root first."""


def causes_of(is_bad: Mapping[str, bool]) -> dict[str, str]:
    """For each bad check the one that it follows from, or itself."""
    bad = [kind for kind, is_so in is_bad.items() if is_so]
    return {kind: next((root for root in _FOLLOWS if root in bad and kind in _FOLLOWS[root]), kind) for kind in bad}
