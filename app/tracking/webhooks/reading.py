"""JSON from strangers: strict in form, bounded in depth, and fit to be kept as JSONB."""

import json
import re
from typing import Any, NoReturn

from app.tracking.webhooks.calls import TooMuch, Unreadable

DEEPEST = 32
"""Levels of lists and objects. Providers need eight; Python's own limit depends on who reads, and when."""
MOST = 10_000
"""Events of one call."""
MOST_PARTS = 250_000
"""Lists and objects of one call, at any depth: 25 for each event."""

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_REST = bytes(octet for octet in range(256) if octet not in b"[]{}")


def read_json(body: bytes, media_type: str = "") -> Any:
    """What a body holds. Raises TooMuch before it is built, Unreadable unless it is JSON in UTF-8 (RFC 8259 §8.1).

    The type is not believed, since Amazon SNS calls its JSON text; it is what the words say when the body is none.
    """
    _check_size(body)
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8. Nothing was stored.") from None
    except ValueError:
        if media_type.lower().startswith(_FORMS):
            raise Unreadable("The body is a form, not JSON. Nothing was stored; have it sent as JSON.") from None
        raise Unreadable("The body is not JSON. Nothing was stored.") from None


def storable(value: Any) -> str:
    """The value as JSON that PostgreSQL keeps: it has neither NUL nor half of a surrogate pair, infinity nor NaN."""
    text = json.dumps(value)
    if "\\u0000" in text or "\\ud" in text or "Infinity" in text or "NaN" in text:
        return json.dumps(_cleaned(value))
    return text


def text_at(body: Any, *path: str) -> str:
    """The text or number at a path through objects; empty when there is none."""
    found = at(body, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found).replace("\x00", "")


def at(body: Any, *path: str) -> Any:
    """Whatever stands at a path through objects; None when the way ends before."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def too_many() -> TooMuch:
    """The call has to come again in parts."""
    return TooMuch(f"The call holds more than {MOST:,} events. Nothing was stored; send fewer events in a call.", 413)


def _check_size(body: bytes) -> None:
    """Depth and number of parts, told from the brackets that stand outside of texts: nothing here recurses."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return
    brackets = _TEXT.sub(b"", body).translate(_TO_BRACKETS, _REST)
    if brackets.count(b"[") > MOST_PARTS:
        raise too_many()
    for _level in range(DEEPEST):
        brackets = brackets.replace(b"[]", b"")
    if b"[" in brackets:
        raise TooMuch(f"The body is nested deeper than {DEEPEST} levels. Nothing was stored.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part) for part in value]
    return None if isinstance(value, float) and value - value != 0 else value
