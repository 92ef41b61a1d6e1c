"""A text with merge tags for people who look it over: each personal value as a word or two instead of source."""

import re
from dataclasses import dataclass

from app.rendering.errors import DesignError
from app.rendering.tags import constant, scan

_NAME = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of the text, or the name of a personal value with its `source`."""

    text: str
    source: str = ""


def pieces(text: str) -> list[Piece]:
    """The pieces of a subject or preview text. Conditions leave no trace; a text with an open tag comes back whole."""
    try:
        tokens = scan(text)
    except DesignError:
        return [Piece(text)]
    found = []
    for token in tokens:
        if token.kind == "text":
            found.append(Piece(token.value))
        elif token.kind == "value":
            words = constant(token.value)
            found.append(Piece(words) if words else Piece(_name(token.value), text[token.start : token.end]))
    return found


def _name(expression: str) -> str:
    """`subscriber.first_name | fallback("friend")` is the first name."""
    name = _NAME.match(expression)
    return name.group().rpartition(".")[2].replace("_", " ") if name else expression
