"""How large a body may be, call by call: whoever reads one first, sign-in included, reads no more than that."""

from typing import Any

from flask import Flask, request

from app.api.intake import MOST_JSON
from app.core.settings import Settings
from app.deliverability.dmarc.unpack import MOST_PACKED
from app.deliverability.outside.table import MOST_BYTES

KIB, MIB = 1024, 1024 * 1024
BESIDE = 256 * KIB
"""For what stands beside a file or a document: other fields, boundaries, a word for whoever sends slightly too much."""
MOST = MOST_JSON + BESIDE
"""A page's largest form is a newsletter's source, a program's largest document has a limit of its own."""
MOST_FROM_STRANGERS = 256 * KIB
"""Forms for people who are not signed in hold an address and a few words."""
MOST_ADDRESSES = 64 * MIB
"""Of suppressed people, in a file: two million or more."""


def limit_bodies(app: Flask, settings: Settings) -> None:
    """Set the limits; to be called before anything that looks into bodies is installed."""
    app.config["MAX_CONTENT_LENGTH"] = MOST
    imports = settings.import_limit + BESIDE
    larger = {
        "imports.create": imports,
        "api.imports.create": imports,
        "suppressions.take_list": MOST_ADDRESSES + BESIDE,
        "domains.dmarc.upload": MOST_PACKED + BESIDE,
        "deliverability.bring": MOST_BYTES + BESIDE,
    }

    @app.before_request
    def _limit() -> None:
        endpoint = request.endpoint or ""
        if endpoint in larger:
            request.max_content_length = larger[endpoint]
        elif not request.path.startswith("/api/") and _is_for_strangers(app.view_functions.get(endpoint)):
            request.max_content_length = MOST_FROM_STRANGERS


def _is_for_strangers(view: Any) -> bool:
    """Public pages, the sign-in of Flask-Security, and addresses that nothing answers."""
    return getattr(view, "access", "public") == "public"
