"""`merpati doctor`: what is wrong, one line each, with the cure."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, LiteralString

from app.core.errors import MerpatiError, SettingsError
from app.core.settings import Settings, host_port, libpq_url, load_settings, sqlalchemy_url
from app.runtime.services import Services, embedded_urls

LOW_DISK = 1024**3


@dataclass(frozen=True)
class Finding:
    """One part and how it is."""

    part: str
    ok: bool
    text: str
    cure: str = ""
    warns: bool = False
    """Something waits for a person, though nothing is broken here."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        mark = "WRONG" if not self.ok else "warn " if self.warns else "ok   "
        return f"{mark} {self.part}: {self.text}" + (f" → {self.cure}" if self.cure else "")


def examine() -> list[Finding]:
    """Look at everything; a part that cannot be looked at is a finding, never a traceback."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return [Finding("settings", False, str(error), "Correct the environment or .env and try again.")]
    urls = embedded_urls(settings)
    return [
        Finding("settings", True, f"home is {settings.root}", _where_the_demo_is(settings)),
        *_looked_at("disk", lambda: _disk(settings)),
        *_looked_at("secret key", lambda: _secret(settings)),
        *_looked_at("database", lambda: _database(settings, urls)),
        *_looked_at("migrations", lambda: _migrations(urls)),
        *_looked_at("names in mail", lambda: _names(settings, urls)),
        *_looked_at("mail servers of others", lambda: _mx_map(settings)),
        *_looked_at("ledgers", lambda: _ledgers(urls)),
        *_looked_at("incoming mail", lambda: _incoming(urls)),
        *_looked_at("ways out", lambda: _set_aside(urls)),
        *_looked_at("mailboxes", lambda: _mailboxes(urls)),
        *_looked_at("incidents", lambda: _incidents(urls)),
        *_looked_at("queue", lambda: _queue(urls)),
        *_looked_at("mail of strangers", lambda: _strangers(settings, urls)),
        *_looked_at("workers", lambda: _workers(urls)),
        *_looked_at("ports", lambda: _ports(settings)),
    ]


def _looked_at(part: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(look())
    except MerpatiError as error:
        return [Finding(part, False, str(error))]
    except Exception as error:  # noqa: BLE001 - the doctor reports what it cannot examine
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        cures = {
            "database": "Start Merpati with `bin/up`, or correct DATABASE_URL.",
            "migrations": "First cure the database.",
            "names in mail": "First cure the database.",
            "ledgers": "First cure the database.",
            "incoming mail": "First cure the database.",
            "ways out": "First cure the database.",
            "mailboxes": "First cure the database.",
            "incidents": "First cure the database.",
            "queue": "Start Merpati with `bin/up`, or correct REDIS_URL.",
            "mail of strangers": "First cure the queue.",
            "workers": "First cure the queue.",
        }
        return [Finding(part, False, first, cures.get(part, ""))]


def _where_the_demo_is(settings: Settings) -> str:
    """Beside a demo that runs, this house is not the one that somebody means."""
    demo = settings.root / "demo"
    return f"The demo has a house of its own: MERPATI_HOME={demo} merpati doctor" if demo.is_dir() else ""


def _disk(settings: Settings) -> Iterator[Finding]:
    home = settings.root
    while not home.exists():
        home = home.parent
    free = shutil.disk_usage(home).free
    yield Finding(
        "disk",
        free > LOW_DISK,
        f"{free / 1024**3:.1f} GiB free at {home}",
        "" if free > LOW_DISK else "Free some space or move MERPATI_HOME: journals and the database need room.",
    )


def _secret(settings: Settings) -> Iterator[Finding]:
    path = settings.root / "secret_key"
    if settings.secret_key:
        yield Finding("secret key", True, "set by MERPATI_SECRET_KEY")
    elif path.exists():
        tight = path.stat().st_mode & 0o077 == 0
        yield Finding("secret key", tight, f"kept in {path}", "" if tight else f"Others can read it: chmod 600 {path}")
    else:
        yield Finding("secret key", False, "there is none yet", "`bin/up` makes one.")


def _database(settings: Settings, urls: Services) -> Iterator[Finding]:
    import psycopg

    with psycopg.connect(libpq_url(urls.database_url), connect_timeout=3) as connection:
        version = connection.info.server_version // 10_000
    kind = "embedded" if settings.uses_embedded_database else "DATABASE_URL"
    good = version >= 15
    yield Finding("database", good, f"PostgreSQL {version} ({kind})", "" if good else "Merpati needs 15 or newer.")


def _migrations(urls: Services) -> Iterator[Finding]:
    from sqlalchemy import create_engine

    from app.core.migrations import missing_migrations

    missing = missing_migrations(create_engine(sqlalchemy_url(urls.database_url)))
    text = f"missing: {', '.join(missing)}" if missing else "all applied"
    yield Finding("migrations", not missing, text, "Run `merpati migrate`." if missing else "")


def _names(settings: Settings, urls: Services) -> Iterator[Finding]:
    """Names that were never set are somebody else's: they may stand in while all mail is caught, and no longer."""
    from app.shell.ways_out import ways_out

    leaves = ways_out(settings.model_copy(update={"database_url": urls.database_url})).mail_leaves
    names = {
        "MERPATI_MAIL_DOMAIN": (settings.mail_domain, settings.has_mail_domain, "the name this machine has in DNS"),
        "MERPATI_BOUNCE_DOMAIN": (settings.bounce_domain, settings.has_bounce_domain, "such as bounces.example.org"),
    }
    unset = {name: (value, such) for name, (value, is_ours, such) in names.items() if not is_ours}
    if not unset:
        yield Finding("names in mail", True, f"{settings.mail_domain}, bounces to {settings.bounce_domain}")
    for name, (value, such) in unset.items():
        text = f"{name} is not set, and {value}, which is somebody else's, stands in for it"
        cure = f"Set {name} to a name of yours, {such}, and start anew."
        yield Finding("names in mail", not leaves, text if leaves else f"{text}; all mail is caught", cure)


def _mx_map(settings: Settings) -> Iterator[Finding]:
    """The file that answers for DNS, where there is one: without it nothing is sent."""
    from app.sending.pacing.mx import read_map

    if settings.mx_map is None:
        return
    try:
        known = read_map(settings.mx_map)
    except (SettingsError, ValueError) as error:
        words = str(error) if isinstance(error, SettingsError) else f"{settings.mx_map} is not a text in UTF-8."
        cure = "Nothing is sent until then: correct the file, or unset MERPATI_MX_MAP, which is for simulations."
        yield Finding("mail servers of others", False, words, cure)
        return
    said = f"{settings.mx_map} answers for {len(known):,} domains, before DNS is asked"
    yield Finding("mail servers of others", True, said, "Unset MERPATI_MX_MAP where mail is real.", warns=True)


def _ledgers(urls: Services) -> Iterator[Finding]:
    from sqlalchemy import create_engine, text

    from app.campaigns.sums import RECENT_DAYS, SUMS, LedgerSum

    with create_engine(sqlalchemy_url(urls.database_url)).connect() as connection:
        sums = [LedgerSum(*row) for row in connection.execute(text(SUMS), {"days": RECENT_DAYS})]
    wrong = [one for one in sums if not one.adds_up]
    cure = "Nothing is sent twice by this. Keep a copy of the database and report it."
    yield from (Finding("ledgers", False, f"campaign {one.campaign_id}: {one}", cure) for one in wrong)
    if not wrong:
        people = sum(one.found for one in sums)
        yield Finding("ledgers", True, f"{len(sums)} under way or ended lately, {people:,} people: all add up")


def _incoming(urls: Services) -> Iterator[Finding]:
    """Mails whose reading killed its worker, among the latest hundreds of thousands."""
    import psycopg

    from app.tracking.backlog import SET_ASIDE
    from app.tracking.set_aside import UNREAD

    with psycopg.connect(libpq_url(urls.database_url), connect_timeout=3) as connection:
        numbers = [number for (number,) in connection.execute(SET_ASIDE, {"kind": UNREAD})]
    if not numbers:
        yield Finding("incoming mail", True, "none was set aside unread")
        return
    named = ", ".join(str(number) for number in numbers[:5]) + (" …" if len(numbers) > 5 else "")
    found = f"{len(numbers)} set aside unread, since reading ended the worker twice: {named}"
    cure = "Each is kept whole, under Incoming mail or in incoming_mails.raw: act by hand on what it says; report it."
    yield Finding("incoming mail", False, found, cure)


_SET_ASIDE = """
SELECT w.name, t.name, t.last_words, to_char(t.open_until AT TIME ZONE 'UTC', 'HH24:MI') || ' UTC'
FROM transports t JOIN workspaces w ON w.id = t.workspace_id
WHERE t.is_enabled AND t.open_until IS NOT NULL ORDER BY w.id, t.id
"""
_FAILING = """
SELECT w.name, b.username, b.host, b.failures, b.last_words FROM mailboxes b JOIN workspaces w ON w.id = b.workspace_id
WHERE b.is_enabled AND b.failures > 0 ORDER BY w.id, b.id
"""
_UNDECIDED = """
SELECT w.name, count(*), min(i.id) FROM incidents i JOIN workspaces w ON w.id = i.workspace_id
WHERE i.kind = %s AND i.decision = '' GROUP BY w.id, w.name ORDER BY w.id
"""


def _set_aside(urls: Services) -> Iterator[Finding]:
    """Transports that the breaker keeps out of use."""
    cure = "Mend what it says, and send a trial mail under Settings, Sending; it is tried again by itself."
    found = _rows(urls, _SET_ASIDE)
    for workspace, name, words, until in found:
        said = f"{workspace}: “{name}” is set aside, its next try is at {until}. {words}".strip()
        yield Finding("ways out", True, said, cure, warns=True)
    if not found:
        yield Finding("ways out", True, "no transport is set aside")


def _mailboxes(urls: Services) -> Iterator[Finding]:
    """Mailboxes elsewhere that could not be read at the last visit."""
    cure = "Correct it under Settings, Mailboxes and replies; mail waits there meanwhile."
    found = _rows(urls, _FAILING)
    for workspace, user, host, failures, words in found:
        times = "once" if failures == 1 else f"{failures} times in a row"
        said = f"{workspace}: {user} at {host} failed {times}. {words}".strip()
        yield Finding("mailboxes", True, said, cure, warns=True)
    if not found:
        yield Finding("mailboxes", True, "none fails")


def _incidents(urls: Services) -> Iterator[Finding]:
    """Bursts of bounces of which an owner has to say whether the addresses are dead."""
    from app.tracking.incidents.opening import BURST

    found = _rows(urls, _UNDECIDED, BURST)
    for workspace, number, first in found:
        waits = "1 waits" if number == 1 else f"{number:,} wait"
        said = f"{workspace}: {waits} for an owner's decision, the first is number {first}"
        yield Finding("incidents", True, said, "Decide under Deliverability, Incidents.", warns=True)
    if not found:
        yield Finding("incidents", True, "none waits for a decision")


def _rows(urls: Services, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    import psycopg

    with psycopg.connect(libpq_url(urls.database_url), connect_timeout=3) as connection:
        return connection.execute(query, values).fetchall()


def _queue(urls: Services) -> Iterator[Finding]:
    from redis import Redis

    info = Redis.from_url(urls.redis_url, socket_connect_timeout=3).info()
    name = "Valkey" if "valkey_version" in info else "Redis"
    yield Finding("queue", True, f"{name} {info.get('valkey_version') or info.get('redis_version')}")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield Finding("queue", False, f"it may throw jobs away ({policy})", "Set maxmemory-policy to noeviction.")


def _strangers(settings: Settings, urls: Services) -> Iterator[Finding]:
    """What names no message of ours has an allowance for a day; mail servers try again what is put off."""
    from redis import Redis

    from app.tracking.strangers import taken_today

    today = taken_today(Redis.from_url(urls.redis_url, socket_connect_timeout=3))
    is_well = not today.put_off and today.octets < settings.stranger_mail
    megabytes = f"{today.octets / 1024**2:.1f} of {settings.stranger_mail / 1024**2:.0f} MB of today (UTC) are used"
    text = megabytes if is_well else f"{megabytes}, mail was put off {today.put_off:,} times"
    cure = "Somebody floods the bounce domain, or sends it more reports than usual: see Incoming mail, unmatched."
    cure += " Raise MERPATI_STRANGER_MAIL (octets) if you want it all; bounces of your own mail are not held up."
    yield Finding("mail of strangers", is_well, text, "" if is_well else cure)


def _workers(urls: Services) -> Iterator[Finding]:
    from redis import Redis
    from rq import Worker

    known = Worker.all(connection=Redis.from_url(urls.redis_url, socket_timeout=3))
    names = [worker.name for worker in known if _is_alive(worker.name)]
    text = f"{len(names)} alive" if names else "none"
    yield Finding("workers", bool(names), text, "" if names else "Nothing is sent without one: `merpati worker`.")


def _is_alive(name: str) -> bool:
    """The queue keeps a killed worker's name for minutes; of those on this machine the process itself tells."""
    host, _, pid = name.rpartition("-")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _ports(settings: Settings) -> Iterator[Finding]:
    from app.shell.up import answers, listens

    host, port = host_port(settings.bind)
    serves = answers(host, port, "/healthz")()
    taken = listens(host, port)()
    if serves:
        yield Finding("ports", True, f"the web server answers at {settings.bind}")
    elif taken:
        yield Finding("ports", False, f"another program has {settings.bind}", "Stop it, or set MERPATI_BIND.")
    else:
        yield Finding("ports", False, f"nothing answers at {settings.bind}", "Start Merpati with `bin/up`.")
    mailbox = listens(*host_port(settings.bounce_listen))()
    cure = "" if mailbox else "Bounces are not heard: start `merpati bounces listen`."
    yield Finding("ports", mailbox, f"mailbox for bounces at {settings.bounce_listen}", cure)
