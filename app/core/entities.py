"""Character references of HTML as characters, whatever stands in them: a text from outside, so nothing raises."""

import html
import re

_MOST = 7
"""Digits of the highest code point, 1114111; also more than enough of hexadecimal ones."""
# Python turns no text of more than 4,300 digits into a number, and says so with an error.
_LONG = re.compile(r"&#(?P<x>[xX])?(?P<digits>(?(x)[0-9a-fA-F]|[0-9]){8,}+);?")


def unescaped(text: str) -> str:
    """The text with its references replaced; a number that is no character becomes U+FFFD. Takes linear time."""
    return html.unescape(_LONG.sub(_short, text))


def _short(found: re.Match[str]) -> str:
    """The reference without leading zeros, which count as digits too."""
    digits = found["digits"].lstrip("0") or "0"
    return f"&#{found['x'] or ''}{digits};" if len(digits) <= _MOST else "\N{REPLACEMENT CHARACTER}"
