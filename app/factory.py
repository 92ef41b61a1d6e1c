"""The house put together: one application for web, workers and shell."""

from flask import Flask, appcontext_pushed, g

from app import models
from app.core import jobs
from app.core.database import db, enter_workspace, leave_workspace
from app.core.errors import SettingsError
from app.core.logging import configure_logging
from app.core.settings import Settings, load_settings, sqlalchemy_url
from app.core.tokens import Keyring


def create_app(settings: Settings | None = None, *, web: bool = True) -> Flask:
    """Build the application. Workers and shell commands leave `web` out: pages, sign-in and API."""
    settings = settings or load_settings()
    if not web:
        return _configure_core(Flask(__name__, static_folder=None), settings)
    from app.web import configure_web, make_web_app

    app = make_web_app(__name__)
    _configure_core(app, settings)
    configure_web(app, settings)
    return app


def _configure_core(app: Flask, settings: Settings) -> Flask:
    _configure_settings(app, settings)
    _configure_database(app, settings)
    _configure_queue(app, settings)
    _configure_scope(app)
    return app


def _configure_settings(app: Flask, settings: Settings) -> None:
    configure_logging(settings.log_level, json=settings.log_json)
    if not settings.secret_key:
        raise SettingsError(
            "MERPATI_SECRET_KEY is not set, so links could not be signed. `bin/up` makes and keeps one by itself; "
            "elsewhere set it to 32 or more random characters: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="merpati",
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        MAX_FORM_PARTS=2_000,
    )
    app.extensions["merpati.settings"] = settings
    app.extensions["merpati.keyring"] = Keyring(settings.secret_key, settings.secret_key_fallbacks)


def _configure_database(app: Flask, settings: Settings) -> None:
    app.config.update(
        SQLALCHEMY_DATABASE_URI=sqlalchemy_url(settings.database_url),
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_pre_ping": True,
            "hide_parameters": True,  # an error of SQL would carry addresses into the log
            "connect_args": {"connect_timeout": 5},
            "pool_size": settings.web_threads,
            "max_overflow": 8,
        },
    )
    assert models.messages  # importing the models fills the metadata
    db.init_app(app)


def _configure_queue(app: Flask, settings: Settings) -> None:
    app.extensions["merpati.queue"] = jobs.connect_queue(settings.redis_url)


def _configure_scope(app: Flask) -> None:
    # Threads of a web server serve one request after another: the workspace of the last one must not linger.
    app.before_request(leave_workspace)
    app.teardown_request(lambda _error: leave_workspace())
    # An answer in a stream goes on after that, with the contexts of its request pushed again.
    appcontext_pushed.connect(_enter_again, app)


def _enter_again(_app: Flask) -> None:
    if workspace_id := g.get("workspace_id"):
        enter_workspace(workspace_id)
