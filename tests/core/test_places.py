"""Settings that are names, places or addresses: what is taken, and what a person reads of one that cannot work."""

import pytest

from app.core.errors import SettingsError
from app.core.settings import Settings
from tests.core.test_settings import Read, read

__all__ = ["read"]

NAMES = ["MERPATI_BOUNCE_DOMAIN", "MERPATI_MAIL_DOMAIN", "MERPATI_BOUNCE_DOMAIN_FALLBACKS"]
PLACES = ["MERPATI_BIND", "MERPATI_BOUNCE_LISTEN", "MERPATI_CATCHER_LISTEN", "MERPATI_CATCHER_PAGE"]


def words(read: Read, **environment: str) -> str:
    """The one line that refuses them."""
    with pytest.raises(SettingsError) as refused:
        read(**environment)
    first, *lines = str(refused.value).splitlines()
    assert first == "The settings are not right:"
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [
        *("-x-", "garden test", "a..b", ".garden.test", "dove_cote.test", "192.0.2.1", "[::1]", "*.garden.test"),
        *("x" * 64 + ".test", ".".join(["garden"] * 40), "gar\tden.test", "\u2603.test/", "xn--\u00fc.test"),
    ],
)
def test_what_no_host_can_be_called_is_refused(read: Read, name: str, value: str) -> None:
    said = words(read, **{name: value})
    assert said.startswith(f"{name}: write the name of a host alone, such as ")
    assert ".example.org, not " in said


@pytest.mark.parametrize(
    "value",
    [
        "https://bounces.garden.test",
        "https://ada@Bounces.garden.test:25/x",
        "b@bounces.garden.test",
        "bounces.garden.test:25",
    ],
)
def test_the_name_in_an_address_is_what_to_write(read: Read, value: str) -> None:
    said = words(read, MERPATI_BOUNCE_DOMAIN=value)
    assert "write the name of a host alone, such as bounces.garden.test, not " in said
    assert value in said


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Bounces.Garden.TEST", "bounces.garden.test"),
        ("bounces.garden.test.", "bounces.garden.test"),
        (" bounces.garden.test ", "bounces.garden.test"),
        ("bounces.b\u00fccher.test", "bounces.xn--bcher-kva.test"),
        ("xn--bcher-kva.test", "xn--bcher-kva.test"),
        ("localhost", "localhost"),
        ("3.garden.test", "3.garden.test"),
    ],
)
def test_names_are_kept_as_they_go_over_the_wire(read: Read, value: str, name: str) -> None:
    settings = read(
        MERPATI_BOUNCE_DOMAIN=value, MERPATI_MAIL_DOMAIN=value, MERPATI_BOUNCE_DOMAIN_FALLBACKS=f"old.test, {value}"
    )
    assert (settings.bounce_domain, settings.mail_domain) == (name, name)
    assert settings.bounce_domains == {"old.test", name}


def test_nothing_is_no_name(read: Read) -> None:
    settings = read(MERPATI_BOUNCE_DOMAIN="", MERPATI_BOUNCE_DOMAIN_FALLBACKS="")
    assert not settings.has_bounce_domain
    assert settings.bounce_domains == {"bounces.example.com"}


def test_a_machine_is_not_named_by_what_is_no_name(read: Read) -> None:
    """Else the refusal would speak of a setting that nobody has set."""
    assert read(MERPATI_BASE_URL="http://my_box.garden.test").mail_domain == "mail.example.com"
    assert "MERPATI_BOUNCE_DOMAIN:" in words(read, MERPATI_BOUNCE_DOMAIN="https://bounces.garden.test")


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    "value", ["127.0.0.1", "localhost:", "localhost:smtp", "http://127.0.0.1:8025", "h:99999", "a b:25", ""]
)
def test_where_nothing_can_listen_is_refused_by_its_name(read: Read, name: str, value: str) -> None:
    default = Settings.model_fields[name.removeprefix("MERPATI_").lower()].default
    assert words(read, **{name: value}) == f"{name}: write host:port, such as {default}, not {value!r}"


@pytest.mark.parametrize(
    "value", [":8025", "8025", "0.0.0.0:0", "[::]:25", "::1:25", "my_service:25", "mail.garden.test:25"]
)
def test_where_something_can_listen_is_kept_as_it_is(read: Read, value: str) -> None:
    assert read(MERPATI_BOUNCE_LISTEN=value).bounce_listen == value


@pytest.mark.parametrize(
    ("name", "value", "such"),
    [
        ("DATABASE_URL", "mysql://me:my-password@db.test/x", "postgresql://user:password@host/database"),
        ("REDIS_URL", "http://me:my-password@queue.test", "redis://host:6379/0"),
        ("REDIS_URL", "queue.test:6379", "redis://host:6379/0"),
        ("MERPATI_SMTP_URL", "https://me:my-password@relay.test", "smtp://host:25"),
        ("MERPATI_SMTP_URL", "relay.test:25", "smtp://host:25"),
        ("MERPATI_SMTP_URL", "smtp://me:my-password@relay.test:abc", "smtp://host:25"),
        ("MERPATI_SMTP_URL", "smtp://", "smtp://host:25"),
    ],
)
def test_another_kind_of_address_is_refused_without_its_password(read: Read, name: str, value: str, such: str) -> None:
    said = words(read, **{name: value})
    assert said.startswith(f"{name} must ")
    assert said.endswith(such)
    assert "my-password" not in said


@pytest.mark.parametrize(
    "value",
    [
        "http://[",
        "https://news.garden.test:abc",
        "https://news.garden.test?a=b",
        "https://a b.test",
        "https://news.test#x",
    ],
)
def test_an_address_that_no_link_can_begin_with_is_refused(read: Read, value: str) -> None:
    assert words(read, MERPATI_BASE_URL=value).startswith("MERPATI_BASE_URL must be an http or https address, such as")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql:///merpati?host=/run/pg&user=me"),
        ("DATABASE_URL", "postgres://me:p[w@one.test:5432,two.test:5432/x"),
        ("REDIS_URL", "unix:///run/v.sock?db=3"),
        ("REDIS_URL", "rediss://:pw@queue.test:6380/1"),
        ("MERPATI_SMTP_URL", "SMTPS://me:p%20w@relay.test"),
        ("MERPATI_BASE_URL", "https://news.garden.test:8443/m"),
    ],
)
def test_addresses_that_work_are_taken(read: Read, name: str, value: str) -> None:
    assert getattr(read(**{name: value}), name.removeprefix("MERPATI_").lower()) == value
