"""Input that does not fit its shape, as a problem that names every part (RFC 9457)."""

from collections.abc import Iterator
from typing import Any

from apiflask.exceptions import HTTPError

from app.core.http import problem

WORDS = {
    "Missing data for required field.": "is missing.",
    "Unknown field.": "is not known here.",
    "Field may not be null.": "may not be null.",
}


def answer(error: HTTPError) -> Any:
    """The problem for what a schema refused."""
    errors = [{"field": name, "detail": text} for name, text in _faults(error.detail)]
    if not errors:
        return problem(error.status_code, error.message or ""), error.status_code, error.headers
    said = " ".join(_sentence(**fault) for fault in errors[:5])
    more = f" And {len(errors) - 5} more; see `errors`." if len(errors) > 5 else ""
    detail = f"{said}{more} Nothing was changed. Correct it and send it again; the shapes are at /api/v1/docs."
    found = problem(error.status_code, detail, field=errors[0]["field"], errors=errors)
    return found, error.status_code, error.headers


def _faults(detail: Any) -> Iterator[tuple[str, str]]:
    """Each fault with the path to its part: `variants.1.share`. The outermost key is the place (json, query)."""
    for place, parts in (detail or {}).items():
        if isinstance(parts, dict):
            yield from _walk(parts, ())
        else:
            yield from ((place, str(text)) for text in parts)


def _walk(parts: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(parts, dict):
        for name, inner in parts.items():
            yield from _walk(inner, path if name == "_schema" else (*path, str(name)))
    else:
        for text in parts if isinstance(parts, list) else [parts]:
            yield ".".join(path) or "body", str(text)


def _sentence(field: str, detail: str) -> str:
    return f"`{field}` {WORDS[detail]}" if detail in WORDS else f"`{field}`: {detail}"
