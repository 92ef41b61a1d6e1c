"""The installation's secret key."""

import os
import secrets
from pathlib import Path

from app.core.errors import SettingsError
from app.core.settings import Settings
from app.core.tokens import MINIMUM_SECRET
from app.runtime.locks import locked
from app.runtime.places import make_home


def ensure_secret_key(settings: Settings) -> str:
    """MERPATI_SECRET_KEY if set, else the key in `<home>/secret_key`, made at the first start.

    Raises SettingsError when the file is damaged: a new key would break every link already sent.
    """
    if settings.secret_key:
        return settings.secret_key
    file = settings.root / "secret_key"
    if not file.exists():
        make_home(settings.root)
        with locked(settings.root / "secret_key.lock"):
            if not file.exists():
                _write(file, secrets.token_urlsafe(48))
    key = file.read_text().strip()
    if len(key) < MINIMUM_SECRET:
        raise SettingsError(
            f"{file} does not hold a secret key. Nothing was changed. Restore it from a backup: with another key the "
            "links in mail already sent stop working. Only if nothing was sent yet, delete it to get a new one."
        )
    return key


def _write(file: Path, key: str) -> None:
    unfinished = file.with_name("secret_key.part")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(key + "\n")
        output.flush()
        os.fsync(output.fileno())
    unfinished.replace(file)
