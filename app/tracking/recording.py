"""What a web process keeps for tracking, and how a hit gets its facts and is written down."""

from typing import Any

from flask import Flask, current_app, request
from werkzeug.utils import cached_property

from app.core.logging import log
from app.tracking.hits import STREAM, Hit, Recorder
from app.tracking.networks import Networks, cut, load_networks
from app.tracking.spool import Spool

HINTS = ("Purpose", "Sec-Purpose", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Accept-Language", "X-Moz")
_IN_ENVIRON = tuple((name.lower(), f"HTTP_{name.upper().replace('-', '_')}") for name in HINTS)


class Tools:
    """The way to the stream and the known networks, made at the first hit of a process."""

    def __init__(self, app: Flask) -> None:
        self._settings = app.extensions["merpati.settings"]

    @cached_property
    def recorder(self) -> Recorder:
        return Recorder(self._settings.redis_url, Spool(self._settings.root / "spool", STREAM))

    @cached_property
    def networks(self) -> Networks:
        return load_networks(self._settings.root / "networks")


def tools_of(app: Flask) -> Tools:
    """The tools of an application."""
    tools: Tools | None = app.extensions.get("merpati.tracking")
    if tools is None:
        tools = app.extensions["merpati.tracking"] = Tools(app)
    return tools


def record(hit: Hit, tools: Tools | None = None) -> None:
    """Write the hit down. A full disk on top of a dead queue loses the count, never the person's way."""
    try:
        (tools or tools_of(current_app)).recorder.record(hit)
    except OSError as error:
        log("tracking").error("a hit could not be recorded", kind=hit.kind, error=error.strerror)


def keep(hit: Hit) -> None:
    """Write down what must not be lost. Raises OSError when neither queue nor disk takes it."""
    tools_of(current_app).recorder.record(hit)


def about_request() -> dict[str, Any]:
    """What a hit says of the request it came by."""
    return about(request.environ, tools_of(current_app))


def about(environ: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """The same, from what the web server says."""
    address = environ.get("REMOTE_ADDR", "")
    return {
        "method": environ["REQUEST_METHOD"],
        "agent": environ.get("HTTP_USER_AGENT", "")[:300],
        "network": cut(address),
        "zone": tools.networks.name(address),
        "hints": {name: environ[key][:100] for name, key in _IN_ENVIRON if key in environ},
    }
