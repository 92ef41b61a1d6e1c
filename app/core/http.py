"""What every answer carries: security headers, a request id, and errors a person can act on."""

import secrets
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.core.database import db
from app.core.errors import (
    BadToken,
    Busy,
    Conflict,
    Invalid,
    MerpatiError,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TemporaryFailure,
)
from app.core.logging import log

STATUS = {
    BadToken: 404,
    NotFound: 404,
    NotSignedIn: 401,
    NotAllowed: 403,
    Conflict: 409,
    Invalid: 422,
    Busy: 429,
    TemporaryFailure: 503,
}
"""The one place where errors of the house become HTTP."""

AGAIN = 5
"""Seconds after which somebody who met Busy may try again."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}


def configure_http(app: Flask) -> None:
    """Install headers and error pages."""
    app.before_request(_begin)
    app.after_request(_headers)
    app.register_error_handler(MerpatiError, _merpati_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(DataError, _data_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    app.add_template_global(csp_nonce)


def set_policy(**changes: str) -> None:
    """Change this answer's content security policy; `frame_ancestors="'self'"` sets `frame-ancestors`."""
    g.policy = {**POLICY, **{name.replace("_", "-"): value for name, value in changes.items()}}


def replace_policy(policy: str) -> None:
    """Give this answer a policy of its own, word for word."""
    g.policy_text = policy


def csp_nonce() -> str:
    """A nonce for this answer's styles; asking for it puts it into the policy (the source editor needs one)."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def wants_json() -> bool:
    """Whether the caller is a program."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if given.isalnum() and len(given) <= 64 else secrets.token_hex(8)


def _headers(response: Response) -> Response:
    response.headers.setdefault("X-Request-ID", g.get("request_id", ""))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    response.headers.setdefault("Content-Security-Policy", _policy())
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    if text := g.get("policy_text"):
        return str(text)
    policy = dict(g.get("policy", POLICY))
    if nonce := g.get("csp_nonce"):
        policy["style-src"] = f"'self' 'nonce-{nonce}'"
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def _merpati_error(error: MerpatiError) -> Any:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return answer_error(status, str(error), field=getattr(error, "field", None))


def _forget_changes() -> None:
    """The page that tells of a failure reads the database, which takes no more questions in a failed transaction."""
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()


def _database_error(error: OperationalError) -> Any:
    _forget_changes()
    log("http").error("database does not answer", path=request.path, error=type(error.orig).__name__)
    return answer_error(503, "The database does not answer just now. Nothing was changed. Try again in a moment.")


def _data_error(error: DataError) -> Any:
    """A number beyond 64 bits in an address, or a NUL in a text: nothing here has that name, and nothing can."""
    _forget_changes()
    log("http").warning("the database refused a value", path=request.path, error=type(error.orig).__name__)
    if request.method in ("GET", "HEAD"):
        return answer_error(404, "There is nothing at this address.")
    return answer_error(
        422, "A number is too large, or a text holds a character that cannot be kept. Nothing was changed."
    )


def _csrf_error(_error: CSRFError) -> Any:
    return answer_error(
        400,
        "This page was open for too long, or the form did not come from here. Nothing was changed. "
        "Go back, reload the page and send it again.",
    )


def _http_error(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    texts = {404: "There is nothing at this address.", 405: "This address does not take that kind of request."}
    if error.description == RequestEntityTooLarge.description:
        texts[413] = _too_large()
    return answer_error(error.code, texts.get(error.code, error.description or error.name), error=error)


def _too_large() -> str:
    most = request.max_content_length or 0
    size = f"{most / 1024**2:.0f} MB" if most >= 1024**2 else f"{most // 1024} KB"
    return f"What was sent is larger than this address takes ({size}). Nothing was saved. Go back and send less."


def _unexpected(error: Exception) -> Any:
    log("http").error("unexpected error", path=request.path, request_id=g.get("request_id"), exc_info=error)
    return answer_error(500, "Something went wrong on our side. Nothing was saved by this request.")


def answer_error(status: int, detail: str, *, field: str | None = None, error: HTTPException | None = None) -> Any:
    """An error as a problem (RFC 9457) for programs, as a page for people."""
    request_id = g.get("request_id", "")
    headers = dict(error.get_headers()) if error is not None else {}
    kept = {name: value for name, value in headers.items() if name in ("Allow", "Retry-After", "WWW-Authenticate")}
    if status == STATUS[Busy]:
        kept.setdefault("Retry-After", str(AGAIN))
    if wants_json():
        return problem(status, detail, **({"field": field} if field else {})), status, kept
    if request.headers.get("HX-Request"):
        # A whole page must not land inside the fragment that asked: the toast says it instead.
        kept["HX-Reswap"] = "none"
    return _page(status, detail=detail, request_id=request_id), status, kept


def _page(status: int, **values: Any) -> str:
    values["status"] = status
    if status < 500 and status != 413:
        return render_template("errors/error.html", **values)
    # Without the context processors: they ask who is signed in, and so the database, which may be what failed, or the
    # body, which may be what was too large.
    return current_app.jinja_env.get_template("errors/error.html").render(values)


def problem(status: int, detail: str, **more: Any) -> Response:
    """A problem for programs (RFC 9457 §3); `more` are members of our own."""
    title = HTTPStatus(status).phrase
    known = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    response = jsonify({**known, "request_id": g.get("request_id", ""), **more})
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response
