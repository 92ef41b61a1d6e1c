"""Every setting of an installation in one typed object; nothing else reads the environment.

Names in the environment: `DATABASE_URL` and `REDIS_URL` by their usual names, all others with the prefix `MERPATI_`.
`NAME_FILE` names a file that holds the value of any of them (Docker secrets). `.env` in the working directory is read
as well.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote, urlsplit

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.errors import SettingsError
from app.core.hosts import host_name, is_host_name, place, split_url

ROOT = Path(__file__).resolve().parents[2]
"""Where the program lies; its data do, too, unless told otherwise, wherever a command is called from."""

EXAMPLE_MAIL_DOMAIN = "mail.example.com"
EXAMPLE_BOUNCE_DOMAIN = "bounces.example.com"
"""Somebody else's names: they stand in for ours as long as nothing is set, and are never to be published."""

RETRY_MINUTES = (5, 7, 8, 25, 75, 120, *([240] * 11))
"""Minutes to wait before each retry of a deferred message; 48 hours in all."""

_DATABASES = ("postgresql+psycopg://", "postgresql://", "postgres://")


class Settings(BaseSettings):
    """The settings of one installation. Times are in seconds and sizes in bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="MERPATI_", env_file=(ROOT / ".env", ".env"), extra="ignore", frozen=True
    )

    home: Path = Field(
        default=ROOT / "var" if (ROOT / "pyproject.toml").exists() else Path("var"),
        description="Directory for everything Merpati keeps on this machine; var/ beside a checkout unless set.",
    )
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("DATABASE_URL", "MERPATI_DATABASE_URL"),
        description="PostgreSQL 15 or newer; empty means the embedded server under the home directory.",
    )
    redis_url: str = Field(
        default="",
        validation_alias=AliasChoices("REDIS_URL", "MERPATI_REDIS_URL"),
        description="Redis or Valkey; empty means the embedded Valkey under the home directory.",
    )
    base_url: str = Field(
        default="http://127.0.0.1:8025", description="Where people and inboxes reach this installation."
    )
    bind: str = Field(default="127.0.0.1:8025", description="host:port the web server listens on.")
    web_processes: int = Field(default=1, ge=1, description="Web server processes.")
    web_threads: int = Field(default=8, ge=1, description="Threads per web server process.")
    workers: int = Field(default=2, ge=1, description="RQ worker processes that `merpati up` starts.")
    trusted_proxies: int = Field(
        default=0, ge=0, description="How many proxies in front may set X-Forwarded-* headers."
    )
    secret_key: str = Field(default="", description="Signs sessions and links. 32 or more random characters.")
    secret_key_fallbacks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Earlier secret keys, comma separated; links signed with them keep working."
    )
    mail_domain: str = Field(
        default=EXAMPLE_MAIL_DOMAIN,
        description="Name of this machine in mail: the MX and SPF records to publish point to it; Message-IDs, "
        "List-Ids, the greeting of servers and forwarded replies bear it. Unset: the host of MERPATI_BASE_URL, if it "
        "is a name in public DNS, or else MERPATI_BOUNCE_DOMAIN.",
    )
    bounce_domain: str = Field(
        default=EXAMPLE_BOUNCE_DOMAIN,
        description="Domain of envelope senders, such as bounces.example.org; its MX is our listener.",
    )
    bounce_domain_fallbacks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Earlier bounce domains, comma separated; the listener takes late bounces to them, too."
    )
    bounce_listen: str = Field(default="127.0.0.1:8026", description="host:port of the built-in listener for bounces.")
    smtp_url: str = Field(
        default="smtp://127.0.0.1:8027",
        description="Transport until one is set in the pages: smtp://user:password@host:port, smtps:// for TLS, "
        "smtp+starttls:// to demand STARTTLS. Unset: the mail catcher, wherever it listens.",
    )
    smtp_connections: int = Field(
        default=8, ge=1, le=200, description="Connections each send worker opens to the transport."
    )
    smtp_timeout: float = Field(
        default=300.0, gt=0, description="Seconds to wait for a reply; the final dot gets twice as long."
    )
    catcher: bool = Field(default=True, description="Start the built-in mail catcher with `merpati up` as the way out.")
    catcher_listen: str = Field(default="127.0.0.1:8027", description="host:port of the mail catcher's SMTP.")
    catcher_page: str = Field(default="127.0.0.1:8028", description="host:port of the mail catcher's page.")
    retry_minutes: Annotated[tuple[float, ...], NoDecode] = Field(
        default=RETRY_MINUTES, description="Minutes before each retry of a deferred message, comma separated."
    )
    pace_scale: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Shortens the rests that mailbox providers get (10 minutes, 2 hours …), for simulations and tests.",
    )
    mx_map: Path | None = Field(
        default=None,
        description="A file that answers for DNS about recipients' domains, for simulations: in each line a domain and "
        "its MX host.",
    )
    send_slice: int = Field(
        default=20, ge=1, description="Seconds a send job works before it hands its place to the next one."
    )
    send_batch: int = Field(default=1000, ge=1, description="Messages claimed at once.")
    lease: int = Field(
        default=120, ge=10, description="Seconds without a sign of life after which a lost machine's claims end."
    )
    internal_hosts: bool = Field(
        default=False,
        description="Let owners name servers on private addresses, such as 10.0.0.5 or 127.0.0.1, for their mailboxes: "
        "all such servers, or none.",
    )
    import_limit: int = Field(default=2 * 1024**3, description="Largest file an import takes.")
    raw_mail_days: int = Field(default=60, ge=1, description="Days that incoming bounces and reports are kept in full.")
    stranger_mail: int = Field(
        default=256 * 1024**2,
        ge=0,
        description="Octets of mail that names no message of ours which the listener for bounces keeps in a day (UTC); "
        "the rest is put off. DMARC reports come to a small part of this.",
    )
    watch_days: int = Field(
        default=400, ge=63, description="Days that the hourly counts of the watch are kept; its page looks back on 63."
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    log_json: bool = Field(default=False, description="Write logs as JSON lines.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("secret_key_fallbacks", "bounce_domain_fallbacks", "retry_minutes"):
            text = values.get(name)
            if isinstance(text, str):
                values[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        return values

    @model_validator(mode="before")
    @classmethod
    def _name_this_machine(cls, values: dict[str, object]) -> dict[str, object]:
        if values.get("bounce_domain") == "":
            del values["bounce_domain"]
        if not values.get("mail_domain"):
            values["mail_domain"] = _name_from(
                str(values.get("base_url") or ""), str(values.get("bounce_domain") or "")
            )
        return values

    @model_validator(mode="before")
    @classmethod
    def _send_to_the_catcher(cls, values: dict[str, object]) -> dict[str, object]:
        if not values.get("smtp_url"):
            catcher = str(values.get("catcher_listen") or cls.model_fields["catcher_listen"].default)
            values["smtp_url"] = f"smtp://{'127.0.0.1' if catcher.startswith(':') else ''}{catcher}"
        return values

    @field_validator("mail_domain", "bounce_domain")
    @classmethod
    def _check_name(cls, value: str, info: ValidationInfo) -> str:
        return host_name(value, "bounces.example.org" if info.field_name == "bounce_domain" else "mail.example.org")

    @field_validator("bounce_domain_fallbacks")
    @classmethod
    def _check_names(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(host_name(value, "bounces.example.org") for value in values)

    @field_validator("bind", "bounce_listen", "catcher_listen", "catcher_page")
    @classmethod
    def _check_place(cls, value: str, info: ValidationInfo) -> str:
        return place(value, str(cls.model_fields[info.field_name or "bind"].default))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if mistakes := list(_mistaken_urls(self)):
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def root(self) -> Path:
        """The home directory, absolute."""
        return self.home.expanduser().resolve()

    @property
    def uses_embedded_database(self) -> bool:
        return not self.database_url

    @property
    def uses_embedded_queue(self) -> bool:
        return not self.redis_url

    @property
    def has_mail_domain(self) -> bool:
        """Whether this machine has a name for mail that is ours to publish."""
        return self.mail_domain.lower() != EXAMPLE_MAIL_DOMAIN

    @property
    def has_bounce_domain(self) -> bool:
        return self.bounce_domain.lower() != EXAMPLE_BOUNCE_DOMAIN

    @property
    def bounce_domains(self) -> frozenset[str]:
        """All domains that reports come to: the one in use, and earlier ones."""
        return frozenset({self.bounce_domain.lower(), *self.bounce_domain_fallbacks})

    @property
    def catches_mail(self) -> bool:
        """Whether the installation's own way out is the mail catcher."""
        return self.catcher and self.smtp_url.endswith(self.catcher_listen)

    @property
    def is_https(self) -> bool:
        return urlsplit(self.base_url).scheme == "https"

    @property
    def retry_seconds(self) -> tuple[float, ...]:
        return tuple(minutes * 60 for minutes in self.retry_minutes)

    def url(self, path: str) -> str:
        """The public address of a path of this installation."""
        return self.base_url.rstrip("/") + path


def _mistaken_urls(settings: Settings) -> Iterator[str]:
    """What is wrong with them, in a line each. Those that may bear a password are not shown."""
    parts = split_url(settings.base_url)
    is_web = parts is not None and parts.scheme in ("http", "https") and not (parts.query or parts.fragment)
    if not is_web or not settings.base_url.isprintable() or " " in settings.base_url:
        such = "such as https://news.example.org"
        yield f"MERPATI_BASE_URL must be an http or https address, {such}, not {settings.base_url!r}"
    for name, url, schemes, such in (
        ("DATABASE_URL", settings.database_url, _DATABASES, "postgresql://user:password@host/database"),
        ("REDIS_URL", settings.redis_url, ("redis://", "rediss://", "unix://"), "redis://host:6379/0"),
        ("MERPATI_SMTP_URL", settings.smtp_url, ("smtp://", "smtps://", "smtp+starttls://"), "smtp://host:25"),
    ):
        if url and not url.lower().startswith(schemes):
            yield f"{name} must start with {_either(schemes)}: write it like {such}"
        elif name == "MERPATI_SMTP_URL" and split_url(url) is None:
            yield f"{name} must name a host, and a port only as a number: write it like {such}"


def _either(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]])


def _name_from(base_url: str, bounce_domain: str) -> str:
    """The name this machine is most likely to have in public DNS."""
    parts = split_url(base_url)
    host = (parts.hostname or "").rstrip(".") if parts else ""
    return next((name for name in (host, bounce_domain) if _is_public_name(name)), EXAMPLE_MAIL_DOMAIN)


def _is_public_name(name: str) -> bool:
    if "." not in name or name == EXAMPLE_BOUNCE_DOMAIN:
        return False
    last = name.rstrip(".").rpartition(".")[2]
    return is_host_name(name) and last not in ("local", "localhost", "localdomain", "internal", "lan", "arpa")


def host_port(address: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    try:
        return host.strip("[]") or "127.0.0.1", int(port)
    except ValueError:
        raise SettingsError(f"{address!r} is not an address: write host:port, for example 127.0.0.1:8025") from None


def sqlalchemy_url(url: str) -> str:
    """A database URL with the driver Merpati uses, whatever the host wrote (`postgres://`, `postgresql://`)."""
    for scheme in _DATABASES:
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    raise SettingsError(
        f"DATABASE_URL must start with postgresql://, not {url.split(':')[0]!r}: Merpati keeps its data in PostgreSQL."
    )


def libpq_url(url: str) -> str:
    """The same database as psycopg itself wants it named."""
    return "postgresql://" + sqlalchemy_url(url).removeprefix("postgresql+psycopg://")


def socket_database_url(directory: Path, *, user: str = "merpati", name: str = "merpati") -> str:
    """The URL of a PostgreSQL that listens only on a unix socket in `directory`."""
    return f"postgresql://{user}@/{name}?host={quote(str(directory), safe='')}"


@lru_cache
def load_settings() -> Settings:
    """The settings of this process, read once. Raises SettingsError with one line per mistake."""
    for name in environment_names():
        if (path := os.environ.get(f"{name}_FILE")) and not os.environ.get(name):
            os.environ[name] = _read_secret(name, path)
    try:
        return Settings()
    except ValidationError as error:
        mistakes = "\n".join(_mistake(one) for one in error.errors())
        # Not `from error`: its text shows what was set, secrets included.
        raise SettingsError(f"The settings are not right:\n{mistakes}") from None


def environment_names() -> Iterator[str]:
    """The name of every setting in the environment; some have two."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices):
            yield from (str(choice) for choice in field.validation_alias.choices)
        else:
            yield f"MERPATI_{name.upper()}"


def _mistake(error: ErrorDetails) -> str:
    text = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return text
    name = str(error["loc"][0])
    if error["type"] in ("bool_parsing", "bool_type"):
        about = Settings.model_fields[name].description if name in Settings.model_fields else ""
        return f"MERPATI_{name.upper()}: write true or false, not {error['input']!r}. {about}".rstrip()
    given = error["input"]
    return f"MERPATI_{name.upper()}: {text}, not {', '.join(given) if isinstance(given, tuple) else given!r}"


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE names {path}, which cannot be read: {error.strerror}") from error
