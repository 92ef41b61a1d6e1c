"""Bounces of a large campaign that come back all at once, by SMTP, to the real listener and the real workers.

First in peace, for the figures; then with workers and the listener killed and PostgreSQL started anew in between, for
the promise: every mail that was taken is a row and was acted upon once, and every person met the fate that their mail
speaks of.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from app.core.settings import Settings
from app.core.tokens import Keyring, Purpose
from app.runtime.services import RunningServices, ensure_services
from app.shell.up import listens
from benchmarks.incoming_fates import compare
from benchmarks.incoming_mails import address_of
from benchmarks.track import ROOT, SECRET, _environment, _home, _migrate, free_port, wait_until

MAILS = 10_000
IN_PEACE = 2_000
CONNECTIONS = 50
KILLS = 5
DOMAIN = "bounces.example.com"
LONGEST = 600
"""Seconds for all that is brought to be taken in."""

Parts = dict[str, "subprocess.Popen[bytes]"]


def run(messages: int = MAILS, kills: int = KILLS, in_peace: int = IN_PEACE) -> dict[str, Any]:
    """Bring `in_peace` mails and have them taken in, then `messages` more with `kills` workers killed in between."""
    with ExitStack() as stack:
        home = stack.enter_context(_home())
        found = ensure_services(Settings(home=home, database_url="", redis_url=""))
        stack.callback(found.stop)
        url, port = found.services.database_url, free_port()
        _migrate(url)
        tokens = _seed(url, in_peace + messages)
        environment = {**_environment(home, found.services), "MERPATI_BOUNCE_LISTEN": f"127.0.0.1:{port}"}
        environment["MERPATI_BOUNCE_DOMAIN"] = DOMAIN
        parts = stack.enter_context(_parts(environment, port))
        calm = _calmly(url, environment, parts, port, tokens[:in_peace])
        rough = _roughly(found, environment, parts, port, tokens[in_peace:], in_peace, kills)
        result = compare(url, in_peace + messages)
    promise = not any(result[name] for name in ("lost", "doubled", "wrong"))
    return {"mails": in_peace + messages, **calm, **rough, **result, "ok": promise}


@contextmanager
def _parts(environment: dict[str, str], port: int) -> Iterator[Parts]:
    """The listener; workers and schedule come later. All end with the block."""
    parts: Parts = {}
    try:
        _keep(parts, environment, "bounces", "listen")
        wait_until(listens("127.0.0.1", port), parts["bounces listen"], 60)
        yield parts
    finally:
        for process in parts.values():
            process.terminate()
        for process in parts.values():
            process.wait()


def _keep(parts: Parts, environment: dict[str, str], *words: str, name: str = "") -> None:
    """Start a part, unless it runs."""
    name = name or " ".join(words)
    if name not in parts or parts[name].poll() is not None:
        parts[name] = subprocess.Popen([sys.executable, "-m", "app.cli", *words], env=environment, cwd=ROOT)


def _keep_workers(parts: Parts, environment: dict[str, str]) -> None:
    _keep(parts, environment, "bounces", "listen")
    _keep(parts, environment, "schedule")
    for number in (1, 2):
        _keep(parts, environment, "worker", name=f"worker-{number}")


def _calmly(url: str, environment: dict[str, str], parts: Parts, port: int, tokens: list[str]) -> dict[str, Any]:
    with _bringing(environment, port, tokens, 0) as bringing:
        told = json.loads(bringing.communicate()[0])
    _keep_workers(parts, environment)
    while not _handled(url):
        time.sleep(0.02)
    begin, before = time.perf_counter(), _handled(url)
    while (handled := _handled(url)) < len(tokens):
        time.sleep(0.02)
    # The first batch is not counted, since nobody saw when it began; so few mails as are one batch give no figure.
    taken_in = (handled - before) / (time.perf_counter() - begin) or None
    stored = round(len(tokens) / told["seconds"])
    return {"stored_per_second": stored, "taken_in_per_second": taken_in and round(taken_in)}


def _roughly(
    found: RunningServices,
    environment: dict[str, str],
    parts: Parts,
    port: int,
    tokens: list[str],
    first: int,
    kills: int,
) -> dict[str, Any]:
    dice = random.Random(first)
    url, begin = found.services.database_url, time.perf_counter()
    points = [first + int((number + dice.random()) * len(tokens) * 0.9 / kills) for number in range(kills)]
    killed = restarts = listeners = 0
    with _bringing(environment, port, tokens, first) as bringing:
        while (handled := _handled(url)) < first + len(tokens) or bringing.poll() is None:
            if time.perf_counter() - begin > LONGEST:
                break
            _keep_workers(parts, environment)
            stored = _count(url, "id IS NOT NULL") - first
            if points and (handled + first + stored) / 2 >= points[0]:
                points.pop(0)
                killed += _kill([parts[name] for name in _chosen(dice)])
            if not listeners and stored >= len(tokens) // 3:
                listeners = _kill([parts["bounces listen"]])
            if not restarts and stored >= len(tokens) // 2:
                restarts = _restart_postgres(found)
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        told = json.loads(bringing.communicate()[0])
    return {
        "under_fire_per_second": round(len(tokens) / seconds),
        "brought_again": told["again"],
        "workers_killed": killed,
        "listeners_killed": listeners,
        "postgres_restarts": restarts,
    }


@contextmanager
def _bringing(
    environment: dict[str, str], port: int, tokens: list[str], first: int
) -> Iterator["subprocess.Popen[bytes]"]:
    asked = {"port": port, "connections": CONNECTIONS, "domain": DOMAIN, "first": first, "tokens": tokens}
    command = [sys.executable, "-m", "benchmarks.incoming_load"]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(json.dumps(asked).encode())
    process.stdin.close()
    process.stdin = None
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _chosen(dice: random.Random) -> list[str]:
    """Both workers now and then, one of them else: a batch is under way in one of them."""
    both = ["worker-1", "worker-2"]
    return both if dice.random() < 0.5 else [dice.choice(both)]


def _kill(chosen: list["subprocess.Popen[bytes]"]) -> int:
    living = [process for process in chosen if process.poll() is None]
    for process in living:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return len(living)


def _restart_postgres(found: RunningServices) -> int:
    [running] = [running for running in found.running if running.server.title == "PostgreSQL"]
    os.kill(running.pid, signal.SIGINT)
    while not running.has_ended:
        time.sleep(0.02)
    found.revive()
    return 1


def _handled(url: str) -> int:
    return _count(url, "handled_at IS NOT NULL")


def _count(url: str, which: str) -> int:
    """Mails of this kind; none while the database is away."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            row = connection.execute(f"SELECT count(*) FROM incoming_mails WHERE {which}".encode()).fetchone()  # noqa: S608
    except psycopg.OperationalError:
        return 0
    assert row is not None
    return int(row[0])


def _seed(url: str, people: int) -> list[str]:
    """A campaign that went out to so many people, an hour ago; the tokens of its messages."""
    keyring = Keyring(SECRET)
    with psycopg.connect(url) as connection:
        connection.execute(WORKSPACE)
        with connection.cursor() as cursor:
            cursor.executemany(PERSON, [[address_of(number)] * 3 for number in range(people)])
        for statement in CAMPAIGN:
            connection.execute(statement)
        rows = connection.execute("SELECT id FROM messages ORDER BY subscriber_id").fetchall()
    return [keyring.sign_for_mail(Purpose.RETURN_PATH, row[0]) for row in rows]


WORKSPACE = (
    "INSERT INTO workspaces (name, slug, feedback_id, address_key) VALUES ('Aviary', 'aviary', 'm1234567890', '\\x00')"
)
PERSON = """
INSERT INTO subscribers (workspace_id, email, address, address_hash)
SELECT id, %s, %s, sha256(address_key || convert_to(%s, 'UTF8')) FROM workspaces
"""
CAMPAIGN = (
    """INSERT INTO campaigns (workspace_id, name, state, salt, launched_at)
    SELECT id, 'Spring', 'finished', 'x', now() FROM workspaces""",
    """INSERT INTO messages (workspace_id, campaign_id, subscriber_id, address, state, sent_at)
    SELECT s.workspace_id, c.id, s.id, s.email, 'sent', now() - interval '1 hour'
    FROM subscribers s, campaigns c ORDER BY s.id""",
)
