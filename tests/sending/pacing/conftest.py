"""Every test here begins with providers that nobody has slowed."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.core.extensions import queue


@pytest.fixture(autouse=True)
def _unslowed(request: pytest.FixtureRequest) -> Iterator[None]:
    if "workspace" in request.fixturenames or "context" in request.fixturenames:
        app: Flask = request.getfixturevalue("app")
        with app.app_context():
            _forget()
            yield
            _forget()
    else:
        yield


def _forget() -> None:
    for pattern in ("merpati:pace:*", "merpati:rest:*"):
        for key in queue().scan_iter(pattern):
            queue().delete(key)
