"""What only the web needs of the application: sign-in, forms, templates, pages and API.

Workers never import this module: it weighs as much as all of their own work.
"""

from datetime import timedelta
from importlib import import_module
from typing import Any

from apiflask import APIFlask
from flask import Flask, g
from flask_babel import Babel
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_security import Security, SQLAlchemyUserDatastore
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app import models
from app.accounts.tries import limit_tries
from app.bodies import limit_bodies
from app.core.assets import asset_url
from app.core.database import db
from app.core.http import configure_http
from app.core.settings import Settings
from app.core.times import configure_times
from app.core.visible import configure_visible
from app.deliverability.open_matters import count_open
from app.navigation import navigation

BLUEPRINTS = (
    "app.accounts.views",
    "app.home",
    "app.audience.views",
    "app.audience.public",
    "app.content.views",
    "app.campaigns.views",
    "app.reporting.views",
    "app.sending.views",
    "app.sending.warmup.views",
    "app.deliverability.domains.views",
    "app.deliverability.watch.views",
    "app.tracking.views",
    "app.tracking.mailboxes.views",
    "app.tracking.post.views",
    "app.tracking.replies.views",
    "app.tracking.incidents.views",
    "app.tracking.pages",
    "app.tracking.webhooks.door",
    "app.tracking.webhooks.pages",
    "app.api.views",
)
"""Modules with a `bp`; a module may give `csrf_exempt = True` when its calls carry no session."""

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, default_limits=[])


def make_web_app(name: str) -> APIFlask:
    """An empty application that can describe its API."""
    app = APIFlask(
        name,
        title="Merpati",
        version="1",
        spec_path=None,
        docs_path=None,
        static_folder="static",
        json_errors=False,
    )
    app.config.update(OPENAPI_VERSION="3.1.0", DESCRIPTION="Self-hosted newsletters with a provable ledger.")
    app.security_schemes = {"key": {"type": "http", "scheme": "bearer"}}
    return app


def configure_web(app: APIFlask, settings: Settings) -> None:
    """Everything that answers requests."""
    limit_bodies(app, settings)
    _configure_sign_in(app, settings)
    _configure_forms(app, settings)
    _configure_templates(app)
    configure_http(app)
    _register_rooms(app)
    _configure_proxies(app, settings)


def _configure_sign_in(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of a scheme
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SALT=settings.secret_key[:32],
        SECURITY_PASSWORD_LENGTH_MIN=10,
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_CACHE_CONTROL=None,  # core/http.py says no-store for every page
        SECURITY_STATIC_FOLDER=None,
        SECURITY_FRESHNESS=timedelta(-1),  # no page that asks for the password again
        SECURITY_REGISTERABLE=False,
        SECURITY_RECOVERABLE=False,
        SECURITY_CHANGEABLE=False,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/sign-in",
        SECURITY_LOGIN_USER_TEMPLATE="accounts/sign_in.html",
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_FLASH_MESSAGES=True,
        SECURITY_MSG_LOGIN=("", "success"),
        REMEMBER_COOKIE_SECURE=settings.is_https,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
    )
    accounts = models.accounts
    datastore = SQLAlchemyUserDatastore(db, accounts.User, accounts.SecurityRole)
    app.extensions["merpati.security"] = Security(app, datastore)


def _configure_forms(app: Flask, settings: Settings) -> None:
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    csrf.init_app(app)
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.redis_url if settings.redis_url.startswith("redis") else "memory://",
        RATELIMIT_HEADERS_ENABLED=True,
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
    )
    limiter.init_app(app)
    app.extensions["merpati.limiter"] = limiter
    limit_tries(app)


def _configure_templates(app: Flask) -> None:
    Babel(app, default_translation_directories="translations")
    app.jinja_options = {"autoescape": True}
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.add_template_global(asset_url)
    app.add_template_global(count_open, "open_matters")
    configure_times(app)
    configure_visible(app)

    @app.context_processor
    def _page() -> dict[str, Any]:
        workspace = g.get("workspace")
        return {"workspace": workspace, "role": g.get("role"), "nav": navigation() if workspace else []}


def _register_rooms(app: APIFlask) -> None:
    @app.url_defaults
    def _keep_workspace(endpoint: str, values: dict[str, Any]) -> None:
        if "ws" not in values and "workspace" in g and app.url_map.is_endpoint_expecting(endpoint, "ws"):
            values["ws"] = g.workspace.slug

    for name in BLUEPRINTS:
        module = import_module(name)
        app.register_blueprint(module.bp)
        if getattr(module, "csrf_exempt", False):
            _without_session(app, module.bp.name)


def _without_session(app: Flask, name: str) -> None:
    """Calls of this blueprint, and of those nested in it, carry no session that a foreign page could borrow."""
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith(f"{name}."):
            csrf.exempt(view)


def _configure_proxies(app: Flask, settings: Settings) -> None:
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
