"""Where inboxes come: the pixel and the links. Neither asks a database; both answer when both servers are away."""

from typing import Any

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request
from werkzeug.utils import cached_property

from app.accounts.access import public
from app.core.errors import BadToken
from app.core.extensions import keyring, settings
from app.core.logging import log
from app.messages.links import SAMPLE, read_message, read_target
from app.tracking.hits import STREAM, Hit, Recorder
from app.tracking.networks import cut, load_networks
from app.tracking.spool import Spool

bp = Blueprint("tracking", __name__)

PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
HINTS = ("Purpose", "Sec-Purpose", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Accept-Language", "X-Moz")


@bp.get("/o/<token>.gif")
@public
def pixel(token: str) -> Response:
    """An open. Always the same picture, whatever the token: an inbox cannot do anything with an error."""
    try:
        message_id = read_message(keyring(), token)
    except BadToken:
        message_id = SAMPLE
    if message_id != SAMPLE:
        record(Hit("opened", message_id, **about_request()))
    response = Response(PIXEL, mimetype="image/gif")
    response.headers["Cache-Control"] = "no-store, max-age=0"
    return response


@bp.get("/c/<token>/<target>")
@public
def click(token: str, target: str) -> Any:
    """A click. The target is vouched for by its own seal, so a damaged message token costs the count, not the way."""
    try:
        found = read_target(keyring(), target)
    except BadToken:
        return render_template("tracking/damaged.html"), 404
    try:
        message_id = read_message(keyring(), token)
    except BadToken:
        message_id = SAMPLE
    if message_id != SAMPLE:
        url = "" if found.link_id else found.url
        record(Hit("clicked", message_id, link_id=found.link_id, url=url, **about_request()))
    response = redirect(found.url, 302)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def record(hit: Hit) -> None:
    """Write the hit down. A full disk on top of a dead queue loses the count, never the person's way."""
    try:
        keep(hit)
    except OSError as error:
        log("tracking").error("a hit could not be recorded", kind=hit.kind, error=error.strerror)


def keep(hit: Hit) -> None:
    """Write down what must not be lost. Raises OSError when neither queue nor disk takes it."""
    _tools().recorder.record(hit)


def about_request() -> dict[str, Any]:
    """What a hit says of the request it came by."""
    address = request.remote_addr or ""
    headers = request.headers
    return {
        "method": request.method,
        "agent": headers.get("User-Agent", "")[:300],
        "network": cut(address),
        "zone": _tools().networks.name(address),
        "hints": {name.lower(): headers[name][:100] for name in HINTS if name in headers},
    }


class _Tools:
    """What a web process keeps for tracking, made at its first hit."""

    def __init__(self, app: Flask) -> None:
        self._settings = app.extensions["merpati.settings"]

    @cached_property
    def recorder(self) -> Recorder:
        return Recorder(self._settings.redis_url, Spool(self._settings.root / "spool", STREAM))

    @cached_property
    def networks(self) -> Any:
        return load_networks(self._settings.root / "networks")


def _tools() -> _Tools:
    tools: _Tools | None = current_app.extensions.get("merpati.tracking")
    if tools is None:
        tools = current_app.extensions["merpati.tracking"] = _Tools(current_app)
    return tools


def spool() -> Spool:
    """This machine's spool, for whoever drains what a dead process left."""
    return Spool(settings().root / "spool", STREAM)
