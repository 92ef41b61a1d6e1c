"""Where providers call. Nobody is signed in here and no cookie is set: the call itself proves where it comes from.

Calls are answered before the application: what looks for a signed-in person there would read a whole body, however
long, before anybody knows whose it is. It is several times as fast, too.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from app.accounts.access import public
from app.core import clock
from app.core.errors import NotFound, TemporaryFailure
from app.core.settings import Settings, libpq_url
from app.tracking.webhooks.calls import Call, Refused, Unreadable
from app.tracking.webhooks.desk import Desk
from app.tracking.webhooks.storing import count_refusal, take

LIMIT = 5 * 1024 * 1024
"""Bytes of one call."""
AGAIN = {"brevo": 429}
"""What a provider takes for "later", where that is not 503."""
PATH = "/hooks/"
EXTENSION = "merpati.hooks"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

bp = Blueprint("hooks", __name__)
csrf_exempt = True


class HookDoor:
    """WSGI: takes calls of providers and passes on the rest."""

    def __init__(self, app: Flask, desk: Desk) -> None:
        self._inner, self._desk = app.wsgi_app, desk

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "POST" or not path.startswith(PATH):
            return self._inner(environ, start)
        return answer(path.removeprefix(PATH), environ, self._desk)(environ, start)


@bp.post(f"{PATH}<public_id>")
@public
def receive(public_id: str) -> Any:
    """Names the address among the routes."""
    return answer(public_id, request.environ, current_app.extensions[EXTENSION])


@bp.record
def _open_door(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    settings: Settings = app.extensions["merpati.settings"]
    desk = app.extensions[EXTENSION] = Desk(libpq_url(settings.database_url), app.extensions["merpati.keyring"])
    app.wsgi_app = HookDoor(app, desk)  # type: ignore[method-assign,assignment]


def answer(public_id: str, environ: dict[str, Any], desk: Desk) -> Response:
    """Store what a provider says; a job reads it later. The words are for the provider's log."""
    public_id = public_id.replace("\0", "")
    try:
        return _answer(public_id, environ, desk)
    except NotFound as error:
        return _say(404, str(error))
    except TemporaryFailure as error:
        desk.tell(error)
        hook = desk.recall(public_id)
        return _say(AGAIN.get(hook.kind if hook else "", 503), str(error))


def _answer(public_id: str, environ: dict[str, Any], desk: Desk) -> Response:
    # Before the body is read: a stranger's may be long.
    if desk.recall(public_id) is None:
        desk.look_up(public_id)
    try:
        headers = _headers(environ)
        _check_coding(headers)
        taken = take(desk, public_id, Call(_body(environ), headers, clock.now()))
    except RequestEntityTooLarge:
        return _refuse(desk, public_id, 413, f"The call is larger than {LIMIT // 1024 // 1024} MB. Nothing was stored.")
    except Refused as error:
        return _refuse(desk, public_id, error.status, str(error))
    except Unreadable as error:
        return _refuse(desk, public_id, error.status, str(error))
    return _say(200, f"Stored {taken.new} of {taken.events}.")


def _check_coding(headers: dict[str, str]) -> None:
    """No provider compresses; what is small here may be huge when it is unpacked."""
    if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise Refused("The call is compressed. Nothing was stored; send it as it is.", 415)


def _body(environ: dict[str, Any]) -> bytes:
    """The bytes as they came. A body in chunks tells no length, and is cut where the limit is."""
    try:
        body: bytes = get_input_stream(environ, max_content_length=LIMIT).read()
    except ClientDisconnected:
        body = b""
    if len(body) >= LIMIT:
        raise RequestEntityTooLarge
    told = environ.get("CONTENT_LENGTH") or ""
    # Where the server does not tell, a part of the body would look like a forged one.
    if told.isdigit() and len(body) < int(told):
        raise Unreadable("The call broke off before its end. Nothing was stored; send it again.")
    return body


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    return {**found, "content-type": environ.get("CONTENT_TYPE", "")}


def _refuse(desk: Desk, public_id: str, status: int, why: str) -> Response:
    count_refusal(desk, public_id, why, clock.now())
    return _say(status, why)


def _say(status: int, words: str) -> Response:
    response = Response(f"{words}\n", status, _HEADERS, mimetype="text/plain")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="webhook", charset="UTF-8"'
    return response
