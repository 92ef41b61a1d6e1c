"""Where providers call. Nobody is signed in here and no cookie is set: the call itself proves where it comes from.

Calls are answered before the application: what looks for a signed-in person there would read a whole body, however
long, before anybody knows whose it is. It is several times as fast, too.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from flask import Blueprint, Flask, Response, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from app.accounts.access import public
from app.core import clock
from app.core.database import db
from app.core.errors import NotFound, TemporaryFailure
from app.core.extensions import keyring
from app.core.logging import log
from app.tracking.webhooks.calls import Call, Refused, Unreadable
from app.tracking.webhooks.storing import Hook, count_refusal, find_hook, take

LIMIT = 5 * 1024 * 1024
"""Bytes of one call."""
PATH = "/hooks/"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

bp = Blueprint("hooks", __name__)
csrf_exempt = True


class HookDoor:
    """WSGI: takes calls of providers and passes on the rest."""

    def __init__(self, app: Flask) -> None:
        self._app, self._inner = app, app.wsgi_app

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "POST" or not path.startswith(PATH):
            return self._inner(environ, start)
        with self._app.app_context():
            response = answer(path.removeprefix(PATH), environ)
        return response(environ, start)


@bp.post(f"{PATH}<public_id>")
@public
def receive(public_id: str) -> Any:
    """Names the address among the routes."""
    return answer(public_id, request.environ)


@bp.record
def _open_door(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    app.wsgi_app = HookDoor(app)  # type: ignore[method-assign,assignment]


def answer(public_id: str, environ: dict[str, Any]) -> Response:
    """Store what a provider says; a job reads it later. The words are for the provider's log."""
    try:
        return _answer(public_id, environ)
    except NotFound as error:
        return _say(404, str(error))
    except TemporaryFailure as error:
        db.session.rollback()
        return _say(503, str(error))
    except OperationalError as error:
        log("webhooks").error("a call could not be stored; it will come again", error=type(error.orig).__name__)
        return _say(503, "The database does not answer just now. Nothing was stored; try again in a moment.")


def _answer(public_id: str, environ: dict[str, Any]) -> Response:
    hook, now = find_hook(public_id.replace("\0", "")), clock.now()
    try:
        body = _body(environ)
        taken = take(keyring(), hook, Call(body, _headers(environ), now))
    except RequestEntityTooLarge:
        return _refuse(hook, 413, f"The call is larger than {LIMIT // 1024 // 1024} MB. Nothing was stored.")
    except Refused as error:
        return _refuse(hook, error.status, str(error))
    except Unreadable as error:
        return _refuse(hook, 400, str(error))
    db.session.commit()
    return _say(200, f"Stored {taken.new} of {taken.events}.")


def _body(environ: dict[str, Any]) -> bytes:
    """The bytes as they came. A body in chunks tells no length, and is cut where the limit is."""
    body: bytes = get_input_stream(environ, max_content_length=LIMIT).read()
    if len(body) >= LIMIT:
        raise RequestEntityTooLarge
    return body


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    return {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}


def _refuse(hook: Hook, status: int, why: str) -> Response:
    db.session.rollback()
    count_refusal(hook, why, clock.now())
    db.session.commit()
    return _say(status, why)


def _say(status: int, words: str) -> Response:
    response = Response(f"{words}\n", status, _HEADERS, mimetype="text/plain")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="webhook", charset="UTF-8"'
    return response
