"""Taking input: what a call may carry, checked after its key and before its shape."""

import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NoReturn

from apiflask import APIBlueprint
from flask import request
from marshmallow import RAISE
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

MOST_JSON = 4 * 1024 * 1024
"""Bytes of one JSON body; what is longer is an import."""

View = Callable[..., Any]


def takes(bp: APIBlueprint, schema: Any) -> Callable[[View], View]:
    """The call takes this shape as JSON, as `data`."""
    shape = bp.input(schema, arg_name="data")

    def decorate(view: View) -> View:
        inner = shape(view)

        @wraps(inner)
        def checked(*args: Any, **kwargs: Any) -> Any:
            _check_json()
            return inner(*args, **kwargs)

        return checked

    return decorate


def asks(bp: APIBlueprint, schema: Any) -> Callable[[View], View]:
    """The call takes these names in its query, as `query`; others are refused, so a slip is not passed over."""
    found: Callable[[View], View] = bp.input(schema, location="query", arg_name="query", unknown=RAISE)
    return found


def _check_json() -> None:
    if (request.content_length or 0) > MOST_JSON or len(body := request.get_data()) > MOST_JSON:
        raise RequestEntityTooLarge(
            f"The body is larger than {MOST_JSON // 1024**2} MiB. Nothing was changed. Send many people as an import."
        )
    if not body.strip():
        return
    if not request.is_json:
        raise UnsupportedMediaType(
            f"This call takes JSON, not {request.mimetype or 'a body without a type'}. Nothing was changed. "
            "Send it with `Content-Type: application/json`."
        )
    try:
        document = json.loads(body, parse_constant=_no_number)
        sound = all(_can_be_kept(text) for text in _texts(document))
    except RecursionError:
        raise BadRequest("The JSON is nested too deeply. Nothing was changed. Send it flatter.") from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}. Nothing was changed. Send it again, whole.") from None
    if not sound:
        raise BadRequest("A text holds NUL or half a character, which cannot be kept. Nothing was changed.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _can_be_kept(text: str) -> bool:
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)
