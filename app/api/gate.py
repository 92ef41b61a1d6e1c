"""What every call passes: its rate first, and the headers that say how much is left of it."""

import time
from hashlib import sha256

from flask import Response, current_app, g, request
from flask_limiter import Limiter
from limits import RateLimitItemPerSecond
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from app.core.logging import log

CALLS, SECONDS = 600, 60
LIMIT = RateLimitItemPerSecond(CALLS, SECONDS, namespace="api")


def check_rate() -> None:
    """Count the call against its key. Raises TooManyRequests, with the time to wait.

    While nobody can count, calls are not refused.
    """
    limiter: Limiter = current_app.extensions["merpati.limiter"]
    caller = _caller()
    try:
        passes = limiter.limiter.hit(LIMIT, caller)
        window = limiter.limiter.get_window_stats(LIMIT, caller)
    except RedisError as error:
        log("api").warning("calls are not counted", error=type(error).__name__)
        return
    wait = max(1, round(window.reset_time - time.time()))
    g.rate = f'"key";r={window.remaining};t={wait}'
    if not passes:
        raise TooManyRequests(
            f"These were more than {CALLS} calls in {SECONDS} seconds with one key. This one was not carried out. "
            f"Send it again in {wait} seconds. For many people at once, use an import.",
            retry_after=wait,
        )


def add_headers(response: Response) -> Response:
    """Say what is left of the rate, and how to sign in where that was missing (RFC 9110 §11.6.1, RFC 6750 §3)."""
    if response.status_code == 401:
        wrong = ', error="invalid_token"' if request.headers.get("Authorization") else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="Merpati"{wrong}'
    if rate := g.get("rate"):
        response.headers["RateLimit-Policy"] = f'"key";q={CALLS};w={SECONDS}'
        response.headers["RateLimit"] = rate
    return response


def _caller() -> str:
    given = request.headers.get("Authorization", "")
    return sha256(given.encode(errors="replace")).hexdigest() if given else request.remote_addr or ""
