"""How well the pace fits five mailbox providers at once, against a scheduler that knew their moods beforehand.

Real worker and schedule processes send to one server that is five providers (pacing_server.py). Told are: the time
to finish against the best possible one; the share of deferrals for pace after each provider's first back-off
(greylisting is not one, and is left out); and how much a provider's rate changes when another one's mood is taken away,
beside how much it changes when nothing is.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.core.settings import Settings
from app.rendering.design import compile_design
from app.runtime.services import services
from benchmarks.send import _SEED, _database, _newsletter, _wait_for

SECONDS = 40
"""How long a perfect scheduler would need."""
SCALE = 1 / 30
"""Rests of minutes become seconds, as the whole campaign does."""
MOODS: dict[str, dict[str, float]] = {
    "low.test": {"rate": 20.0, "burst": 10.0},
    "high.test": {"rate": 200.0, "burst": 50.0},
    "halves.test": {"rate": 100.0, "burst": 20.0, "then": 50.0, "after": SECONDS / 2},
    "few.test": {"at_once": 4, "seconds": 0.02},
    "grey.test": {"rate": 300.0, "burst": 50.0, "grey": 0.02},
}
SHARES = {"low.test": 20.0, "high.test": 200.0, "halves.test": 75.0, "few.test": 150.0, "grey.test": 250.0}
"""Messages for each second of a perfect scheduler."""
ROUND = 0.5
"""Seconds after a provider's first refusal in which what was under way already may be refused as well."""


def run(messages: int | None = None, controls: int = len(MOODS)) -> dict[str, Any]:
    """Send with all moods, then once without each of the first `controls`, then with all again."""
    seconds = SECONDS if messages is None else max(5, round(messages / sum(SHARES.values())))
    counts = {domain: round(share * seconds) for domain, share in SHARES.items()}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.chmod(0o755)
        servers = stack.enter_context(services(Settings(home=home, database_url="", redis_url="")))
        whole = _once(servers, home, counts, MOODS)
        others = {domain: _once(servers, home, counts, {**MOODS, domain: {}}) for domain in list(MOODS)[:controls]}
        again = _once(servers, home, counts, MOODS) if others else whole
    usual = {domain: (whole["rates"][domain] + again["rates"][domain]) / 2 for domain in MOODS}
    changes = {
        f"{domain} without {taken}": abs(found["rates"][domain] / usual[domain] - 1)
        for taken, found in others.items()
        for domain in MOODS
        if domain != taken
    }
    worst = max(changes, key=lambda name: changes[name]) if changes else ""
    return {
        "messages": sum(counts.values()),
        "seconds": round(whole["seconds"], 1),
        "perfect_seconds": seconds,
        "ratio": round(whole["seconds"] / seconds, 2),
        "deferred_share_after_back_off": {name: round(share, 4) for name, share in whole["deferred"].items()},
        "rates": {name: round(rate, 1) for name, rate in whole["rates"].items()},
        "largest_change_by_another": round(changes[worst], 3) if worst else None,
        "largest_change": worst,
        "noise": {name: round(abs(whole["rates"][name] / again["rates"][name] - 1), 3) for name in MOODS},
        "changes": {name: round(change, 3) for name, change in sorted(changes.items())},
        "counts": whole["counts"],
    }


def _once(servers: Any, home: Path, counts: dict[str, int], moods: dict[str, Any]) -> dict[str, Any]:
    with ExitStack() as stack:
        database_url = stack.enter_context(_database(servers.database_url))
        port = stack.enter_context(_server(moods))
        _seed(database_url, counts)
        environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": servers.redis_url,
            "MERPATI_HOME": str(home / "work"),
            "MERPATI_SECRET_KEY": "a secret for this benchmark, long enough to be taken",
            "MERPATI_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "MERPATI_WORKERS": "2",
            "MERPATI_LOG_LEVEL": "error",
            "MERPATI_PACE_SCALE": str(SCALE),
            "MERPATI_RETRY_MINUTES": ",".join(["0.05"] * 30),
        }
        _forget(servers.redis_url)
        stack.enter_context(_process(environment, "workers.schedule", "run"))
        for _ in range(2):
            stack.enter_context(_process(environment, "workers.runtime", "work"))
        _wait_until_sent(database_url, sum(counts.values()))
        return _figures(database_url)


def _seed(url: str, counts: dict[str, int]) -> None:
    """One campaign; its people lie mixed, as they do in lists."""
    design = compile_design(_newsletter(4_000, 3))
    total = sum(counts.values())
    with psycopg.connect(url) as connection:
        for statement in _SEED[:2] + _SEED[5:9]:
            connection.execute(statement, {"people": total, "compiled": json.dumps(design.to_dict())})
        connection.execute("UPDATE campaigns SET state = 'paused'")
        connection.execute(
            """INSERT INTO subscribers (workspace_id, email, address, address_hash, first_name)
            SELECT w.id, a, a, sha256(a::bytea), 'Ann' FROM workspaces w, (
                SELECT 'person' || n || '@' || d.domain AS a
                FROM unnest(%s::text[], %s::int[]) AS d (domain, number), generate_series(1, d.number) n
                ORDER BY md5(n || d.domain)) people""",
            (list(counts), list(counts.values())),
        )
        connection.execute(
            "INSERT INTO subscriptions (workspace_id, list_id, subscriber_id, state) "
            "SELECT s.workspace_id, l.id, s.id, 'confirmed' FROM subscribers s, lists l"
        )
        connection.execute(
            """INSERT INTO messages (workspace_id, campaign_id, subscriber_id, list_id, variant_id, address, state,
                                     provider)
            SELECT s.workspace_id, v.campaign_id, s.id, l.id, v.id, s.email, 'planned', split_part(s.email, '@', 2)
            FROM subscribers s, variants v, lists l ORDER BY s.id"""
        )
        connection.execute("UPDATE campaigns SET state = 'sending'")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


@contextmanager
def _server(moods: dict[str, Any]) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.pacing_server", str(port), json.dumps(moods)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _process(environment: dict[str, str], module: str, function: str) -> Iterator[None]:
    command = [sys.executable, "-c", f"from {module} import {function}; {function}()"]
    process = subprocess.Popen(command, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _forget(redis_url: str) -> None:
    from app.core.jobs import connect_queue

    connect_queue(redis_url).flushdb()


def _wait_until_sent(url: str, total: int) -> None:
    end = time.monotonic() + 10 * SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "SELECT count(*) FROM messages WHERE state IN ('planned', 'sending', 'deferred')"
            ).fetchone()
            if row is not None and row[0] == 0:
                return
            if time.monotonic() > end:
                raise RuntimeError(f"{row} of {total} messages are still open after {10 * SECONDS} s")
            time.sleep(0.3)


_BY_PROVIDER = """
SELECT m.provider, extract(epoch FROM a.at)::float8, CASE WHEN a.status = '4.2.0' THEN 'grey' ELSE a.outcome END
FROM attempts a JOIN messages m ON m.id = a.message_id
ORDER BY a.at
"""


def _figures(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(_BY_PROVIDER).fetchall()
        states = connection.execute("SELECT state, count(*) FROM messages GROUP BY 1").fetchall()
    by_provider: dict[str, list[tuple[float, str]]] = {}
    for provider, at, outcome in rows:
        by_provider.setdefault(provider, []).append((at, outcome))
    start = rows[0][1]
    deferred, rates, counts = {}, {}, {}
    for provider, tries in sorted(by_provider.items()):
        sent = [at for at, outcome in tries if outcome == "sent"]
        refused = [at for at, outcome in tries if outcome == "deferred"]
        # The middle of the way: neither the burst at the beginning nor stragglers at the end.
        low, high = sent[len(sent) // 10], sent[len(sent) * 9 // 10]
        rates[provider] = 0.8 * len(sent) / max(high - low, 1e-6)
        if refused:
            after = [outcome for at, outcome in tries if at > refused[0] + ROUND]
            deferred[provider] = sum(outcome == "deferred" for outcome in after) / max(len(after), 1)
        counts[provider] = {
            "sent": len(sent),
            "deferred": len(refused),
            "last": round(sent[-1] - start, 1),
        }
    if dict(states).keys() != {"sent"}:
        raise RuntimeError(f"the ledger says {states}")
    return {
        "seconds": max(at for _provider, at, _outcome in rows) - start,
        "deferred": deferred,
        "rates": rates,
        "counts": counts,
    }
