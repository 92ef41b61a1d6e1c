"""The demo beside an installation that is in use: it keeps to a house of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.settings import environment_names, load_settings
from app.demo.run import demo_settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Holds only what the test says, and afterwards what it held before."""
    names = [name for name in os.environ if name.startswith("MERPATI_")] + list(environment_names())
    for name in names:
        monkeypatch.setenv(name, "gone after the test")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    yield monkeypatch
    load_settings.cache_clear()


def test_nothing_of_the_demo_gets_into_what_is_in_use(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database").write_text("postgresql://merpati@db.example.com/merpati")
    (tmp_path / ".env").write_text("REDIS_URL=redis://queue.example.com\nMERPATI_BASE_URL=https://news.example.com\n")
    environment.setenv("DATABASE_URL_FILE", str(tmp_path / "database"))
    environment.setenv("MERPATI_SMTP_URL", "smtps://user:password@relay.example.com")
    environment.setenv("MERPATI_CATCHER_LISTEN", "127.0.0.1:2525")
    environment.setenv("MERPATI_BIND", "127.0.0.1:8125")
    before = load_settings()
    assert (before.uses_embedded_database, before.uses_embedded_queue) == (False, False)
    demo = demo_settings(tmp_path / "demo", 20)
    assert demo.uses_embedded_database
    assert demo.uses_embedded_queue
    assert demo.smtp_url == "smtp://127.0.0.1:2525"
    assert demo.base_url == "http://127.0.0.1:8125"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8125", "http://localhost:8125", "http://192.168.1.7:8125"])
def test_an_address_of_this_machine_stays(environment: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    environment.setenv("MERPATI_BASE_URL", url)
    assert demo_settings(tmp_path / "demo", 20).base_url == url
