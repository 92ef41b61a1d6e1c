"""What strangers wrote, for people to read: signs that nobody sees, or that turn the line around, become `<U+202E>`.

Tabs and ends of lines stay. The pictures of control characters (U+241B for Escape) are in few fonts.
"""

import re

from flask import Flask
from markupsafe import Markup

_JOINED = "\u0600-\u1cff\ua800-\uabff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
"""Arabic to the scripts of India and South-East Asia, and emoji: between two of these a joiner forms the letter."""
_UNSEEN = re.compile(
    "("
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff]"
    f"|\r(?!\n)|(?<![{_JOINED}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINED}])"
    r")\1*"
)
_MOST_ALIKE = 3
"""One after the other; of more, their number is told."""


def configure_visible(app: Flask) -> None:
    """Give templates the filters `said`, for what strangers wrote, and `visible`, for titles and code."""
    app.add_template_filter(said)
    app.add_template_filter(visible)


def visible(text: str | None) -> str:
    """The text with marks for what cannot be seen; a database takes it as well. Of markup, what it says."""
    plain = text.unescape() if isinstance(text, Markup) else text or ""
    return _UNSEEN.sub(_mark, plain)


def visible_line(text: str) -> str:
    """The same on one line, with plain spaces for tabs, ends of lines and whatever else has no shape."""
    return "".join(letter if letter.isprintable() else " " for letter in visible(text))


def said(text: str | None) -> Markup:
    """The same, set apart: letters from right to left do not turn what stands beside it. Empty for nothing."""
    return Markup("<bdi>{}</bdi>").format(visible(text)) if text else Markup()


def _mark(run: re.Match[str]) -> str:
    mark, alike = f"<U+{ord(run[1]):04X}>", len(run[0])
    return mark * alike if alike <= _MOST_ALIKE else f"{mark}×{alike}"
