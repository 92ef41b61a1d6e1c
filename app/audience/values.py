"""The types of attributes: how a text becomes a value, and which type fits the values of a column."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from json.encoder import encode_basestring

from app.core.errors import Invalid

TYPES = ("text", "number", "boolean", "date")
MAX_TEXT = 4000
"""Characters in one value."""

TRUE = frozenset({"true", "yes", "y", "1", "on", "ja", "ya", "oui", "vrai", "wahr"})
FALSE = frozenset({"false", "no", "n", "0", "off", "nein", "tidak", "non", "faux", "falsch"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?").fullmatch
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})").fullmatch


def text_json(text: str) -> str:
    """A text as JSON. Raises Invalid when it is too long or holds what no database takes."""
    if len(text) > MAX_TEXT:
        raise Invalid(f"has {len(text)} characters; {MAX_TEXT} is the most")
    if "\x00" in text:
        raise Invalid("contains a NUL character")
    return encode_basestring(text)


def number_json(text: str) -> str:
    """A number as JSON, digit for digit. Takes 12, -3 and 4.50; raises Invalid for the rest."""
    if not _NUMBER(text):
        raise Invalid(f"{text[:40]!r} is not a number like 12 or 4.50")
    return text


def boolean_json(text: str) -> str:
    """Yes or no in the words of several languages, as JSON. Raises Invalid."""
    word = text.lower()
    if word in TRUE:
        return "true"
    if word in FALSE:
        return "false"
    raise Invalid(f"{text[:40]!r} is neither yes nor no")


def date_json(text: str) -> str:
    """A day as JSON: from 2026-03-31 or 31.3.2026. Raises Invalid; day and month elsewhere are anybody's guess."""
    try:
        if _ISO(text):
            return f'"{date.fromisoformat(text).isoformat()}"'
        if dotted := _DOTTED(text):
            return f'"{date(int(dotted[3]), int(dotted[2]), int(dotted[1])).isoformat()}"'
    except ValueError:
        raise Invalid(f"{text[:40]!r} is a day no calendar has") from None
    raise Invalid(f"{text[:40]!r} is not a date like 2026-03-31")


ENCODERS: dict[str, Callable[[str], str]] = {
    "text": text_json,
    "number": number_json,
    "boolean": boolean_json,
    "date": date_json,
}
"""By type: a text that is not empty and has no spaces around it, as JSON."""


def infer_type(values: Iterable[str]) -> str:
    """The narrowest type that fits every value that is not empty; text when there is none."""
    found = {value.strip() for value in values} - {""}
    if not found:
        return "text"
    if all(value.lower() in TRUE | FALSE for value in found) and not found <= {"0", "1", "n", "y"}:
        return "boolean"
    for kind in ("number", "date"):
        if all(_fits(value, ENCODERS[kind]) for value in found):
            return kind
    return "text"


def _fits(value: str, encode: Callable[[str], str]) -> bool:
    try:
        encode(value)
    except Invalid:
        return False
    return True
