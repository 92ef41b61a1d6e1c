"""The quick way to pixel and links: answered before sessions, sign-in and forms are thought of.

An inbox that fetches a picture needs nothing of all that, and it is most of an installation's traffic: this way takes
a sixth of the time. Whatever is out of the ordinary (a damaged address, another method, an error) goes on to the
application, whose views (`views.py`) answer the same addresses.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from app.core.errors import BadToken
from app.core.tokens import Keyring
from app.messages.links import SAMPLE, read_message, read_target
from app.tracking.hits import Hit
from app.tracking.recording import about, record, tools_of

PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
COMMON = [
    ("Cache-Control", "no-store, max-age=0"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
]
PICTURE = [*COMMON, ("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL)))]
WAY = [*COMMON, ("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "0")]
SECURE = ("Strict-Transport-Security", "max-age=31536000")

Start = Callable[..., Any]


class Door:
    """WSGI: takes what it can answer by itself and passes on the rest."""

    def __init__(self, app: Flask) -> None:
        self._app, self._inner = app, app.wsgi_app
        self._keyring: Keyring = app.extensions["merpati.keyring"]

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "GET" and path[:3] in ("/o/", "/c/"):
            try:
                return self._pixel(environ, start) if path[1] == "o" else self._click(environ, start)
            except BadToken:
                pass
        return self._inner(environ, start)

    def _pixel(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        token, dot, kind = environ["PATH_INFO"][3:].partition(".")
        if dot + kind != ".gif":
            raise BadToken("not a pixel")
        message_id = read_message(self._keyring, token)
        if message_id != SAMPLE:
            tools = tools_of(self._app)
            record(Hit("opened", message_id, **about(environ, tools)), tools)
        start("200 OK", _headers(PICTURE, environ))
        return (PIXEL,)

    def _click(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        token, _, sealed = environ["PATH_INFO"][3:].partition("/")
        target = read_target(self._keyring, sealed)
        message_id = read_message(self._keyring, token)
        # A header line holds one line of ASCII; an address that is more is the application's to quote.
        if not target.url.isascii() or not target.url.isprintable() or " " in target.url:
            raise BadToken("not a plain address")
        if message_id != SAMPLE:
            tools, url = tools_of(self._app), "" if target.link_id else target.url
            hit = Hit("clicked", message_id, link_id=target.link_id, url=url, **about(environ, tools))
            record(hit, tools)
        start("302 FOUND", [*_headers(WAY, environ), ("Location", target.url)])
        return ()


def _headers(known: list[tuple[str, str]], environ: dict[str, Any]) -> list[tuple[str, str]]:
    return [*known, SECURE] if environ["wsgi.url_scheme"] == "https" else list(known)
