"""JSON from strangers: strict in form, bounded in depth, and fit to be kept as JSONB."""

import json
from typing import Any, NoReturn

from app.tracking.webhooks.calls import Unreadable


def read_json(body: bytes) -> Any:
    """What a body holds. Raises Unreadable for anything but JSON in UTF-8 (RFC 8259 §8.1)."""
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8. Nothing was stored.") from None
    except RecursionError:
        raise Unreadable("The body is nested too deep. Nothing was stored.") from None
    except ValueError:
        raise Unreadable("The body is not JSON. Nothing was stored.") from None


def storable(value: Any) -> str:
    """The value as JSON that PostgreSQL keeps: it has neither NUL nor half of a surrogate pair, nor infinity."""
    text = json.dumps(value)
    if "\\u0000" in text or "\\ud" in text or "Infinity" in text:
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
