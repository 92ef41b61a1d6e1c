"""Messages a second of the whole send engine, against Postfix's C generator `smtp-source` on the same sink.

The engine sends a personalised newsletter with signed links, an envelope sender and headers of each message's own, a
text part, and a ledger row before and after; `smtp-source -d` sends one constant body of the same size over and over.
Both talk to one `smtp-sink`, which throws everything away; nothing leaves the machine.
"""

import asyncio
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from app.core.database import db
from app.core.errors import SettingsError
from app.core.migrations import migrate
from app.core.settings import Settings, load_settings
from app.core.tokens import Keyring
from app.factory import create_app
from app.rendering.design import compile_design
from app.runtime.services import services
from app.sending.letters import load_letters
from app.sending.parcel import Parcel

MESSAGES = 20_000
SIZE = 20_000
SESSIONS = 8
_SOURCE_HEADERS = 126
"""Bytes that `smtp-source` puts before its payload."""
_ADDRESS = "person.17@mail17.example.com"
WORDS = "the dove carries letters over hills and rivers and asks nothing but bread in return "


def run(
    messages: int = MESSAGES,
    size: int = SIZE,
    links: int = 10,
    workers: int = 2,
    *,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Send `messages` mails of about `size` bytes by `workers` processes, then the same by `smtp-source`."""
    with ExitStack() as stack:
        running = stack.enter_context(services(settings or load_settings()))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database_url = stack.enter_context(_database(running.database_url))
        port = stack.enter_context(_sink())
        seed_campaign(database_url, messages, size, links)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        wire = _wire_size(database_url, running.redis_url)
        reference = _reference(port, messages, wire)
        seconds, reports = _engine(database_url, running.redis_url, home, port, workers)
        reference = max(reference, _reference(port, messages, wire))
        _check(database_url, messages)
    rate = messages / seconds
    return {
        "messages": messages,
        "size_bytes": wire,
        "links": links,
        "workers": workers,
        "messages_per_second": round(rate),
        "reference_messages_per_second": round(reference),
        "ratio": round(rate / reference, 2),
        "worker_cpu_us_per_message": round(sum(report["cpu"] for report in reports) / messages * 1e6),
        "rss_mb": round(max(report["rss_mb"] for report in reports), 1),
        "rss_before_mb": round(max(report["rss_before_mb"] for report in reports), 1),
    }


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    """A migrated database of this run's own."""
    name = f"bench_{secrets.token_hex(6)}"
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            app = create_app(Settings(database_url=url, redis_url="unix:///", secret_key="x" * 40), web=False)
            with app.app_context():
                migrate(db.engine)
                db.engine.dispose()
            yield url
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def seed_campaign(url: str, messages: int, size: int, links: int) -> None:
    """A campaign in `sending` with its whole audience planned."""
    design = compile_design(_newsletter(size, links))
    with psycopg.connect(url) as connection:
        for statement in _SEED:
            connection.execute(statement, {"people": messages, "compiled": json.dumps(design.to_dict())})


def _newsletter(size: int, links: int) -> str:
    """MJML that comes to about `size` bytes of HTML, with a salutation and `links` links."""

    def paragraph(number: int, length: int) -> str:
        text = (WORDS * (length // len(WORDS) + 1))[:length]
        return (
            f'<mj-text>Dear {{{{ subscriber.first_name | default("reader") }}}}, {text} '
            f'<a href="https://www.example.com/story/{number}?from=letter">story {number}</a></mj-text>'
        )

    def newsletter(length: int) -> str:
        body = "".join(paragraph(number, length) for number in range(links - 1))
        return (
            "<mjml><mj-body><mj-section><mj-column>"
            f'{body}<mj-button href="https://www.example.com/all">All stories</mj-button>'
            '<mj-text>{{ workspace.postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>'
            "</mj-column></mj-section></mj-body></mjml>"
        )

    bare = compile_design(newsletter(0))
    # The words stand in the HTML and once more in the plain text; the wire adds headers, soft breaks and tokens.
    room = size - len(bare.html) - len(bare.text) - 3_100 - 65 * links
    return newsletter(max(room // (2 * max(links - 1, 1)), 0))


_SEED = (
    "INSERT INTO workspaces (name, slug, postal_address, feedback_id, address_key) "
    "VALUES ('Aviary', 'aviary', '1 Dovecote Lane, 12345 Nest', 'm1234567890', '\\x00')",
    "INSERT INTO lists (workspace_id, name, slug, public_id) SELECT id, 'Letters', 'letters', 'x' FROM workspaces",
    """INSERT INTO subscribers (workspace_id, email, address, address_hash, first_name, last_name, attributes)
    SELECT w.id, a, a, sha256(n::text::bytea), 'Ann', 'Surname' || n %% 9973,
           jsonb_build_object('city', 'Oslo', 'age', n %% 70)
    FROM workspaces w, generate_series(1, %(people)s) n,
         LATERAL (SELECT 'person.' || n || '@mail' || n %% 200 || '.example.com' AS a) named""",
    """INSERT INTO subscriptions (workspace_id, list_id, subscriber_id, state)
    SELECT s.workspace_id, l.id, s.id, 'confirmed' FROM subscribers s, lists l""",
    """INSERT INTO suppressions (workspace_id, address_hash, hint, reason)
    SELECT w.id, sha256(('x' || n)::bytea), 'x', 'bounced' FROM workspaces w, generate_series(1, 2000) n""",
    """INSERT INTO campaigns (workspace_id, name, state, salt, from_name, from_email)
    SELECT id, 'Spring', 'sending', 'x', 'Aviary News', 'news@aviary.example.com' FROM workspaces""",
    """INSERT INTO designs (workspace_id, digest, mjml, compiled)
    SELECT id, '\\x01', '', %(compiled)s::jsonb FROM workspaces""",
    """INSERT INTO variants (workspace_id, campaign_id, position, name, subject, preheader, share, design_id)
    SELECT c.workspace_id, c.id, 0, 'A', 'News for {{ subscriber.first_name }}', 'Spring is here', 1, d.id
    FROM campaigns c, designs d""",
    """INSERT INTO links (workspace_id, campaign_id, variant_id, position, url)
    SELECT v.workspace_id, v.campaign_id, v.id, (l ->> 'index')::int, l ->> 'url'
    FROM variants v JOIN designs d ON d.id = v.design_id, jsonb_array_elements(d.compiled -> 'links') l""",
    """INSERT INTO messages (workspace_id, campaign_id, subscriber_id, list_id, variant_id, address, state)
    SELECT s.workspace_id, v.campaign_id, s.id, l.id, v.id, s.email, 'planned' FROM subscribers s, variants v, lists l
    ORDER BY s.id""",
)


def _wire_size(database_url: str, redis_url: str) -> int:
    """Bytes of the campaign's first mail as it travels, headers included."""
    settings = Settings(database_url=database_url, redis_url=redis_url, secret_key="x" * 40)

    async def compose() -> int:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            letters = await load_letters(connection, 1, settings, Keyring(settings.secret_key))
        parcel = Parcel(1, 1, 1, 1, _ADDRESS, (_ADDRESS, "Ann", "Surname17", "", True, None))
        letters.compose(parcel, datetime.now(UTC))
        return len(parcel.data)

    return asyncio.run(compose())


@contextmanager
def _sink() -> Iterator[int]:
    """A running `smtp-sink` and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["-u", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen([_postfix("smtp-sink"), *user, f"127.0.0.1:{port}", "1000"])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _reference(port: int, messages: int, size: int) -> float:
    """Messages a second of `smtp-source`, headers included in their size."""
    payload = ["-l", str(size - _SOURCE_HEADERS)]
    command = [_postfix("smtp-source"), "-d", "-s", str(SESSIONS), "-m", str(messages), *payload]
    start = time.perf_counter()
    subprocess.run(
        [*command, "-f", "a@example.com", "-t", "b@example.com", f"127.0.0.1:{port}"], check=True, capture_output=True
    )
    return messages / (time.perf_counter() - start)


def _engine(database_url: str, redis_url: str, home: Path, port: int, workers: int) -> tuple[float, list[Any]]:
    """Seconds from the moment all workers are ready to the last one's end, and what each reports."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "MERPATI_HOME": str(home),
        "MERPATI_SECRET_KEY": "a secret for this benchmark, long enough to be taken",
        "MERPATI_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "MERPATI_WORKERS": str(workers),
        "MERPATI_LOG_LEVEL": "warning",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.send_worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    pipes = [(process.stdin, process.stdout) for process in processes]
    for _stdin, stdout in pipes:
        assert stdout is not None
        stdout.readline()
    start = time.perf_counter()
    for stdin, _stdout in pipes:
        assert stdin is not None
        stdin.write("go\n")
        stdin.flush()
    reports = [json.loads(stdout.readline()) for _stdin, stdout in pipes if stdout is not None]
    seconds = time.perf_counter() - start
    for process in processes:
        process.communicate()
    return seconds, reports


def _check(database_url: str, messages: int) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT state, count(*) FROM messages GROUP BY state").fetchall()
        attempts = connection.execute("SELECT count(*) FROM attempts").fetchone()
    if rows != [("sent", messages)] or attempts != (messages,):
        raise RuntimeError(f"the ledger says {rows} with {attempts} attempts after sending {messages}")


def _wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _postfix(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix/sbin")
    if found is None:
        raise SettingsError(f"{name} was not found: install Postfix's test programs (Debian: the package postfix).")
    return found
