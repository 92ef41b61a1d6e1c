"""Settings: where they come from, and what a person reads when one is wrong."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.errors import SettingsError
from app.core.settings import (
    RETRY_MINUTES,
    ROOT,
    Settings,
    environment_names,
    host_port,
    libpq_url,
    load_settings,
    socket_database_url,
    sqlalchemy_url,
)

Read = Callable[..., Settings]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Read]:
    """Reads the settings from an environment that holds only what the test says."""
    for name in [name for name in os.environ if name.startswith("MERPATI_")] + list(environment_names()):
        monkeypatch.setenv(name, "gone after the test")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def reading(**environment: str) -> Settings:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        return load_settings()

    yield reading
    load_settings.cache_clear()


def test_every_setting_has_a_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_nothing_has_to_be_set(read: Read) -> None:
    settings = read()
    assert settings.uses_embedded_database
    assert settings.uses_embedded_queue
    assert settings.root == ROOT / "var", "wherever the command was called from"
    assert not settings.is_https
    assert settings.retry_seconds[0] == 300
    assert sum(RETRY_MINUTES) == 48 * 60


@pytest.mark.parametrize(
    ("listens", "way_out"), [("127.0.0.1:2525", "smtp://127.0.0.1:2525"), (":2525", "smtp://127.0.0.1:2525")]
)
def test_mail_is_caught_wherever_the_catcher_listens(read: Read, listens: str, way_out: str) -> None:
    assert read(MERPATI_SMTP_URL="").smtp_url == read().smtp_url == "smtp://127.0.0.1:8027"
    settings = read(MERPATI_CATCHER_LISTEN=listens)
    assert (settings.smtp_url, settings.catches_mail) == (way_out, True)
    named = read(MERPATI_SMTP_URL="smtp://relay.example.com:587")
    assert (named.smtp_url, named.catches_mail) == ("smtp://relay.example.com:587", False)


def test_the_usual_names_of_hosts_are_taken(read: Read) -> None:
    settings = read(DATABASE_URL="postgres://db.example.com/merpati", REDIS_URL="redis://queue.example.com")
    assert settings.database_url == "postgres://db.example.com/merpati"
    assert settings.redis_url == "redis://queue.example.com"
    assert not settings.uses_embedded_database


def test_lists_are_separated_by_commas(read: Read) -> None:
    settings = read(MERPATI_RETRY_MINUTES="1, 2.5,, 10", MERPATI_SECRET_KEY_FALLBACKS=" an old key ,an older key")
    assert settings.retry_minutes == (1, 2.5, 10)
    assert settings.retry_seconds == (60, 150, 600)
    assert settings.secret_key_fallbacks == ("an old key", "an older key")


def test_a_file_named_env_is_read_and_the_environment_wins(read: Read) -> None:
    Path(".env").write_text("MERPATI_WEB_THREADS=3\nMERPATI_WORKERS=5\nUNKNOWN=1\n")
    settings = read(MERPATI_WORKERS="7")
    assert (settings.web_threads, settings.workers) == (3, 7)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DATABASE_URL", "postgresql://me:pw@what-the-file-says/x"),
        ("REDIS_URL", "rediss://what-the-file-says"),
        ("MERPATI_SECRET_KEY", "what the file says"),
        ("MERPATI_SMTP_URL", "smtp://what-the-file-says"),
    ],
)
def test_a_secret_may_lie_in_a_file(read: Read, tmp_path: Path, name: str, secret: str) -> None:
    (tmp_path / "secret").write_text(f"{secret}\n")
    settings = read(**{f"{name}_FILE": str(tmp_path / "secret")})
    assert getattr(settings, name.removeprefix("MERPATI_").lower()) == secret


def test_a_value_wins_over_a_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the file")
    settings = read(MERPATI_SECRET_KEY="of the environment", MERPATI_SECRET_KEY_FILE=str(tmp_path / "secret"))
    assert settings.secret_key == "of the environment"


def test_a_file_that_is_missing_stops_the_start(read: Read) -> None:
    with pytest.raises(SettingsError, match=r"MERPATI_SECRET_KEY_FILE names /nowhere/key.*No such file"):
        read(MERPATI_SECRET_KEY_FILE="/nowhere/key")


def test_mistakes_are_told_one_a_line_by_their_names(read: Read) -> None:
    with pytest.raises(SettingsError) as refused:
        read(MERPATI_WEB_THREADS="many", MERPATI_LEASE="1", MERPATI_RETRY_MINUTES="5,soon", MERPATI_LOG_JSON="perhaps")
    first, *lines = str(refused.value).splitlines()
    assert first == "The settings are not right:"
    assert sorted(line.partition(":")[0] for line in lines) == [
        "MERPATI_LEASE",
        "MERPATI_LOG_JSON",
        "MERPATI_RETRY_MINUTES",
        "MERPATI_WEB_THREADS",
    ]
    assert any("not 'many'" in line for line in lines)


@pytest.mark.parametrize("address", ["ftp://news.example.com", "news.example.com", "http://", ""])
def test_a_base_url_is_an_address_and_the_refusal_shows_no_secret(read: Read, address: str) -> None:
    with pytest.raises(SettingsError, match="MERPATI_BASE_URL must be an http or https address") as refused:
        read(MERPATI_BASE_URL=address, MERPATI_SECRET_KEY="do not show this to anybody")
    assert "do not show" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_public_addresses(read: Read) -> None:
    settings = read(MERPATI_BASE_URL="https://news.example.com/")
    assert settings.is_https
    assert settings.url("/c/1") == "https://news.example.com/c/1"


def test_settings_cannot_be_changed() -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 9  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:8025", ("127.0.0.1", 8025)),
        (":8025", ("127.0.0.1", 8025)),
        ("[::1]:25", ("::1", 25)),
        ("mail.example.com:25", ("mail.example.com", 25)),
    ],
)
def test_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert host_port(address) == parts


@pytest.mark.parametrize("address", ["8025:", "localhost", "localhost:smtp", ""])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=f"{re.escape(repr(address))} is not an address: write host:port"):
        host_port(address)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_url_gets_the_driver(scheme: str) -> None:
    assert sqlalchemy_url(f"{scheme}://me:pw@db.example.com/x") == "postgresql+psycopg://me:pw@db.example.com/x"
    assert libpq_url(f"{scheme}://me:pw@db.example.com/x") == "postgresql://me:pw@db.example.com/x"


def test_another_kind_of_database_is_refused_without_showing_its_password() -> None:
    with pytest.raises(SettingsError, match="must start with postgresql://, not 'mysql'") as refused:
        sqlalchemy_url("mysql://me:my-password@db.example.com/x")
    assert "my-password" not in str(refused.value)


def test_the_url_of_a_socket_quotes_its_directory() -> None:
    assert socket_database_url(Path("/a b/s")) == "postgresql://merpati@/merpati?host=%2Fa%20b%2Fs"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"MERPATI_BASE_URL": "https://news.kopi.test:8443/m"}, "news.kopi.test"),
        (
            {"MERPATI_BASE_URL": "https://news.kopi.test", "MERPATI_BOUNCE_DOMAIN": "bounces.kopi.test"},
            "news.kopi.test",
        ),
        (
            {"MERPATI_BASE_URL": "http://10.0.0.5:8025", "MERPATI_BOUNCE_DOMAIN": "bounces.kopi.test"},
            "bounces.kopi.test",
        ),
        ({"MERPATI_BASE_URL": "http://[::1]:8025", "MERPATI_BOUNCE_DOMAIN": "bounces.kopi.test"}, "bounces.kopi.test"),
        ({"MERPATI_BASE_URL": "http://box.local", "MERPATI_BOUNCE_DOMAIN": "bounces.kopi.test"}, "bounces.kopi.test"),
        ({"MERPATI_BOUNCE_DOMAIN": "bounces.kopi.test", "MERPATI_MAIL_DOMAIN": "mx.kopi.test"}, "mx.kopi.test"),
        ({"MERPATI_BOUNCE_DOMAIN": "bounces.kopi.test", "MERPATI_MAIL_DOMAIN": ""}, "bounces.kopi.test"),
    ],
)
def test_this_machine_bears_no_name_of_somebody_else(read: Read, environment: dict[str, str], name: str) -> None:
    settings = read(**environment)
    assert settings.mail_domain == name
    assert settings.has_mail_domain


def test_nothing_set_is_told_from_names_of_ours(read: Read) -> None:
    settings = read(MERPATI_BASE_URL="http://localhost:8025")
    assert not settings.has_mail_domain
    assert not settings.has_bounce_domain


def test_a_switch_that_is_neither_on_nor_off_is_explained(read: Read) -> None:
    with pytest.raises(SettingsError) as refused:
        read(MERPATI_INTERNAL_HOSTS="127.0.0.1")
    words = str(refused.value)
    assert "MERPATI_INTERNAL_HOSTS: write true or false, not '127.0.0.1'." in words
    assert "all such servers, or none." in words
    assert read(MERPATI_INTERNAL_HOSTS="true").internal_hosts


def test_the_watch_keeps_what_its_page_looks_back_on(read: Read) -> None:
    assert read().watch_days == 400
    with pytest.raises(SettingsError, match="MERPATI_WATCH_DAYS"):
        read(MERPATI_WATCH_DAYS="62")
