"""Pixels and clicks a second of the real web server, against a bare Flask route that answers the same bytes.

Both run under the same Granian with the same threads, and are loaded in turns by the same client in a process of its
own. Afterwards the hits are taken in as a worker does it: whatever was answered must be an event in the database.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import psycopg
from sqlalchemy import create_engine

from app.core.migrations import migrate
from app.core.settings import Settings, sqlalchemy_url
from app.core.tokens import Keyring
from app.messages.links import MessageLinks
from app.runtime.services import Services, services
from app.shell.up import answers, processes

REQUESTS = 20_000
TURNS = 4
CONNECTIONS = 16
PEOPLE = 1_000
SECRET = "a secret for this benchmark, long enough to be taken"
ROOT = Path(__file__).resolve().parents[1]


def run(requests: int = REQUESTS) -> dict[str, Any]:
    """Ask for `requests` pixels and as many clicks, then count the events they became."""
    with ExitStack() as stack:
        home = stack.enter_context(_home())
        found = stack.enter_context(services(Settings(home=home, database_url="", redis_url="")))
        _migrate(found.database_url)
        environment = _environment(home, found)
        web = stack.enter_context(_server(environment, "wsgi:app", "/healthz"))
        bare = stack.enter_context(_server(environment, "benchmarks.bare:app", "/pixel"))
        pixels, clicks = _paths(found.database_url, requests)
        kinds = {
            "pixel": (web, pixels),
            "bare": (bare, ["/pixel"] * requests),
            "click": (web, clicks),
            "bare_redirect": (bare, ["/click"] * requests),
        }
        rounds = _in_turns(kinds)
        begin = time.perf_counter()
        _take_in(environment)
        drained = time.perf_counter() - begin
        events = _events(found.database_url)
    hits = sum(turn["ok"] for kind in ("pixel", "click") for turn in rounds[kind])
    rates = {kind: requests / sum(turn["seconds"] for turn in turns) for kind, turns in rounds.items()}
    return {
        **{f"{kind}_rps": round(rate) for kind, rate in rates.items()},
        "pixel_ratio": round(rates["pixel"] / rates["bare"], 3),
        "click_ratio": round(rates["click"] / rates["bare_redirect"], 3),
        **{f"{kind}_p99_ms": round(max(turn["p99_ms"] for turn in turns), 2) for kind, turns in rounds.items()},
        "hits": hits,
        "events": events,
        "lost": hits - events,
        "drain_s": round(drained, 2),
    }


@contextmanager
def _home() -> Iterator[Path]:
    """A directory that the servers' own user can walk to."""
    with tempfile.TemporaryDirectory(prefix="merpati-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "var"


def _migrate(url: str) -> None:
    engine = create_engine(sqlalchemy_url(url))
    migrate(engine)
    engine.dispose()


def _environment(home: Path, found: Services) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": found.database_url,
        "REDIS_URL": found.redis_url,
        "MERPATI_HOME": str(home),
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_LOG_LEVEL": "warning",
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def _server(environment: dict[str, str], target: str, path: str) -> Iterator[int]:
    """The web server as `merpati up` starts it, with this application; its port."""
    port = free_port()
    web = next(process for process in processes(Settings(bind=f"127.0.0.1:{port}")) if process.name == "web")
    process = subprocess.Popen([*web.argv[:-1], target], env=environment, cwd=ROOT)
    try:
        wait_until(answers("127.0.0.1", port, path), process, 60)
        yield port
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_ready: Callable[[], bool], process: "subprocess.Popen[Any]", seconds: float) -> None:
    """Come back when it is ready. Raises when the process ends before, or takes too long."""
    end = time.monotonic() + seconds
    while not is_ready():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it was ready")
        if time.monotonic() > end:
            raise RuntimeError(f"{process.args!r} was not ready within {seconds:.0f} s")
        time.sleep(0.02)


def _paths(url: str, requests: int) -> tuple[list[str], list[str]]:
    """Addresses of pixels and links of messages that exist."""
    with psycopg.connect(url) as connection:
        for statement in SEED:
            connection.execute(statement, {"people": PEOPLE})
        messages = [row[0] for row in connection.execute("SELECT id FROM messages ORDER BY id").fetchall()]
        link_id, target = connection.execute("SELECT id, url FROM links").fetchall()[0]
    links = MessageLinks(Keyring(SECRET), "")
    tokens = [links.token(message) for message in messages]
    pixels, clicks = [links.pixel(token) for token in tokens], [links.click_prefix(token) for token in tokens]
    seal = links.seal(link_id, target)
    return (
        [pixels[number % PEOPLE] for number in range(requests)],
        [clicks[number % PEOPLE] + seal for number in range(requests)],
    )


SEED = (
    "INSERT INTO workspaces (name, slug, feedback_id, address_key) VALUES ('Aviary', 'aviary', 'm1234567890', '\\x00')",
    """INSERT INTO subscribers (workspace_id, email, address, address_hash)
    SELECT w.id, 'person' || n || '@example.com', 'person' || n || '@example.com', sha256(n::text::bytea)
    FROM workspaces w, generate_series(1, %(people)s) n""",
    "INSERT INTO campaigns (workspace_id, name, state, salt) SELECT id, 'Spring', 'sending', 'x' FROM workspaces",
    """INSERT INTO variants (workspace_id, campaign_id, position, name, share)
    SELECT workspace_id, id, 1, 'A', 1 FROM campaigns""",
    """INSERT INTO links (workspace_id, campaign_id, variant_id, position, url)
    SELECT workspace_id, campaign_id, id, 1, 'https://www.example.com/story?from=letter' FROM variants""",
    """INSERT INTO messages (workspace_id, campaign_id, subscriber_id, variant_id, address, state, sent_at)
    SELECT s.workspace_id, v.campaign_id, s.id, v.id, s.email, 'sent', now() - interval '1 hour'
    FROM subscribers s, variants v ORDER BY s.id""",
)


def _in_turns(kinds: dict[str, tuple[int, list[str]]]) -> dict[str, list[dict[str, Any]]]:
    """Load each kind a share at a time, so that whatever else the machine does meets all of them alike."""
    rounds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for turn in range(TURNS):
        for kind, (port, paths) in kinds.items():
            rounds[kind].append(_load(port, paths[turn::TURNS]))
    return rounds


def _load(port: int, paths: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(CONNECTIONS)]
    done = subprocess.run(command, input="\n".join(paths), capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _take_in(environment: dict[str, str]) -> None:
    job = "from workers.tracking import take_in_hits; take_in_hits()"
    subprocess.run([sys.executable, "-c", job], env=environment, check=True, cwd=ROOT)


def _events(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM events WHERE kind IN ('opened', 'clicked')").fetchone()
    assert found is not None
    return int(found[0])
