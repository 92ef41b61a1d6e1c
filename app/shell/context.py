"""The ground a shell command stands on: settings, servers, secret key, an application in context."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import SettingsError
from app.core.settings import Settings, load_settings
from app.runtime.secret import ensure_secret_key
from app.runtime.services import Services, services

if TYPE_CHECKING:
    from flask import Flask


def installation() -> Settings:
    """The settings as they are."""
    return load_settings()


def caller_folder() -> Path:
    """Where the command was called: the scripts in bin/ change the folder before they hand over."""
    return Path(os.environ.get("MERPATI_CALLED_FROM") or Path.cwd())


def adopt(found: Services, secret: str) -> Settings:
    """Make servers and secret known to this process and its children, and read the settings anew."""
    os.environ["DATABASE_URL"] = found.database_url
    os.environ["REDIS_URL"] = found.redis_url
    os.environ["MERPATI_SECRET_KEY"] = secret
    load_settings.cache_clear()
    return load_settings()


@contextmanager
def prepared_app(
    *, web: bool = False, migrated: bool = True, only_environment: bool = False
) -> "Iterator[Flask | None]":
    """Servers running (those of `merpati up`, or own ones for the length of the command), and an application context.

    With `only_environment` no application is made: the command makes its own.
    """
    first = load_settings()
    with services(first) as found:
        settings = adopt(found, ensure_secret_key(first))
        if only_environment:
            yield None
            return
        from app.factory import create_app

        app = create_app(settings, web=web)
        with app.app_context():
            if migrated:
                _check_migrated()
            yield app


def _check_migrated() -> None:
    from app.core.database import db
    from app.core.migrations import missing_migrations, was_migrated

    if not missing_migrations(db.engine):
        return
    if not was_migrated(db.engine):
        raise SettingsError(
            "This installation has not been started yet: its database is empty. Start it with `bin/up`, or, where "
            "each process has a start of its own, run `merpati migrate` first. Is it another one that you mean, name "
            "its home in MERPATI_HOME or its database in DATABASE_URL."
        )
    raise SettingsError("The database is older than this version of Merpati. Run `merpati migrate` first.")
