"""The description of the API (OpenAPI 3.1), read off the routes: what guards a call is what its description says."""

import re
from collections.abc import Callable
from typing import Any

from flask import current_app
from werkzeug.routing import Rule

from app.api.gate import CALLS, SECONDS
from app.api.repeats import HEADER, MOST
from app.core.extensions import settings

PREFIX = "/api/v1/"
METHODS = ("get", "post", "patch", "delete")
TAGS = {
    "Lists": "What people subscribe to.",
    "People": "Addresses, names, attributes, and the lists they are on.",
    "Imports": "Many people at once, from a CSV file.",
    "Suppressions": "Addresses never to be mailed; they outlive deletion and every import.",
    "Campaigns": "Writing, reviewing and trying a draft.",
    "Sending and results": "Launching once, and what became of everybody.",
    "Workspace": "Quiet hours, limits per person, and the transports a campaign can choose.",
}
ABOUT = f"""Send your key as `Authorization: Bearer mpt_…`; keys are made under Settings, API keys. A key belongs to one
workspace and has a role: `viewer` reads, `editor` changes, `owner` also erases.

Errors are problems (RFC 9457): `detail` says what was wrong, what was kept and what to do; `field` names the part.
Lists of things go by `after` and `limit`; the header `Link` has the next page. {CALLS} calls in {SECONDS} seconds are
allowed with one key; `RateLimit` says what is left."""
FAULTS = {
    401: "The key is missing, unknown or revoked",
    403: "The key's role does not include this",
    404: "There is no such thing in this workspace",
    409: "The thing has changed meanwhile, or its state does not allow this",
    422: "A part of the input cannot be taken; `field` names it",
    429: "Too many calls; the header Retry-After says how long to wait",
}

PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, what was kept, what to do next."},
        "field": {"type": "string", "description": "The part of the input that was wrong; the first of several."},
        "errors": {
            "type": "array",
            "description": "Every part that was wrong, where a shape was not met.",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "request_id": {"type": "string", "description": "Also in the header X-Request-ID, and in the logs."},
    },
}
KEY = {
    "name": HEADER,
    "in": "header",
    "description": "Makes it safe to send the call again: for 24 hours, the same key and body give the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MOST},
}


def describe() -> dict[str, Any]:
    """The description, made once per process."""
    found: dict[str, Any] | None = current_app.extensions.get("merpati.api")
    if found is None:
        found = current_app.extensions["merpati.api"] = _describe()
    return found


def _describe() -> dict[str, Any]:
    spec: dict[str, Any] = current_app.spec  # type: ignore[attr-defined]
    paths = {path: item for path, item in spec["paths"].items() if path.startswith(PREFIX)}
    for rule in current_app.url_map.iter_rules():
        item = paths.get(re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule), {})
        for method in METHODS:
            if method.upper() in (rule.methods or ()) and method in item:
                _complete(item[method], rule)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Merpati", "version": "1", "description": ABOUT},
        "servers": [{"url": settings().url("")}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {path: paths[path] for path in sorted(paths, key=_place(paths))},
        "components": _components(spec["components"]),
    }


def _complete(operation: dict[str, Any], rule: Rule) -> None:
    view: Any = current_app.view_functions[rule.endpoint]
    _, _, role = view.access.partition(":")
    operation["operationId"] = "_".join(rule.endpoint.split(".")[1:])
    operation["security"] = [{"key": []}]
    operation["x-role"] = role
    operation["responses"] |= {str(code): {"$ref": f"#/components/responses/{code}"} for code in _faults(rule)}
    if getattr(view, "repeats", False):
        operation["parameters"] = [*operation.get("parameters", []), {"$ref": f"#/components/parameters/{HEADER}"}]


def _faults(rule: Rule) -> list[int]:
    methods = rule.methods or set()
    reads = "GET" in methods
    return [code for code in FAULTS if not (code == 404 and not rule.arguments) and not (code == 409 and reads)]


def _components(found: dict[str, Any]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "schemas": {**dict(sorted(found["schemas"].items())), "Problem": PROBLEM},
        "responses": {str(code): {"description": text, "content": content} for code, text in FAULTS.items()},
        "parameters": {HEADER: KEY},
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }


def _place(paths: dict[str, Any]) -> Callable[[str], Any]:
    order = list(TAGS)
    return lambda path: (order.index(next(iter(paths[path].values()))["tags"][0]), path)
