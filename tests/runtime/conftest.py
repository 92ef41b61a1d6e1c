"""Homes of their own for the tests of the runtime, with the servers' durability turned off for speed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.settings import Settings

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "20"}


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that every user can walk to; pytest's own directories are closed to all but one."""
    directory = Path(tempfile.mkdtemp(prefix="merpati-test-"))
    directory.chmod(0o755)
    yield directory / "var"
    shutil.rmtree(directory)


@pytest.fixture
def settings(home: Path) -> Settings:
    return make_settings(home)


@pytest.fixture(scope="module")
def prepared() -> Iterator[Settings]:
    """A home with initialised servers, for tests that leave it as it is."""
    directory = Path(tempfile.mkdtemp(prefix="merpati-test-"))
    directory.chmod(0o755)
    yield make_settings(directory / "var")
    shutil.rmtree(directory)


def make_settings(home: Path) -> Settings:
    return Settings(_env_file=None, home=home, database_url="", redis_url="", secret_key="")  # type: ignore[call-arg]
