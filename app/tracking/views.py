"""Where inboxes come: the pixel and the links. Neither asks a database; both answer when both servers are away."""

from typing import Any, cast

from flask import Blueprint, Flask, Response, redirect, render_template
from flask.blueprints import BlueprintSetupState

from app.accounts.access import public
from app.core.errors import BadToken
from app.core.extensions import keyring, settings
from app.messages.links import SAMPLE, read_message, read_target
from app.tracking.door import PIXEL, Door
from app.tracking.hits import STREAM, Hit
from app.tracking.recording import about_request, record, tools_of
from app.tracking.spool import Spool

bp = Blueprint("tracking", __name__)


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


@bp.record
def _open_door(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    tools_of(app)
    app.wsgi_app = Door(app)  # type: ignore[method-assign,assignment]


def spool() -> Spool:
    """This machine's spool, for whoever drains what a dead process left."""
    return Spool(settings().root / "spool", STREAM)
