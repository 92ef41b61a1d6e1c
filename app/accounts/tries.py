"""Wrong passwords are counted, so that nobody can try them by the thousand."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, current_app, request
from flask_babel import gettext as _
from flask_limiter import Limiter
from flask_login import current_user
from limits import RateLimitItemPerMinute
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from app.core.logging import log

LIMIT = RateLimitItemPerMinute(10, namespace="sign-in")
"""From one network address. Right passwords are not counted: an office may start its day behind one address."""


def limit_tries(app: Flask) -> None:
    """Guard the sign-in page of this application."""
    app.view_functions["security.login"] = _guarded(app.view_functions["security.login"])


def _guarded(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def sign_in(*args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(*args, **kwargs)
        if not _counting(lambda limiter, caller: limiter.limiter.test(LIMIT, caller)):
            raise TooManyRequests(
                _("There were many wrong passwords from your network. Wait a minute and sign in again."), retry_after=60
            )
        response = current_app.make_response(view(*args, **kwargs))
        if not current_user.is_authenticated:
            _counting(lambda limiter, caller: limiter.limiter.hit(LIMIT, caller))
        return response

    return sign_in


def _counting(count: Callable[[Limiter, str], bool]) -> bool:
    try:
        return count(current_app.extensions["merpati.limiter"], request.remote_addr or "")
    except RedisError as error:
        log("accounts").warning("sign-ins are not counted", error=type(error).__name__)
        return True
