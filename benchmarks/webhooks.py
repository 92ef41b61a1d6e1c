"""Calls of providers a second that the real web server verifies and stores: single events, and batches.

Every call is signed as its provider signs it, and answered only after its commit. The reference is the least a door can
do, under the same server: verify the generic signature, read the JSON, insert it, commit. Both are loaded in turns.
Afterwards the events of one provider are taken in as a worker does it, what was delivered apart from what bounced:
whatever was answered must be a row.
"""

import hmac
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from threading import local
from typing import Any

import psycopg

from app.core.settings import Settings
from app.core.tokens import Keyring, Purpose
from app.runtime.services import services
from app.tracking.webhooks.verify.generic import sign
from benchmarks.track import ROOT, SECRET, SEED, _environment, _home, _migrate, _server
from benchmarks.webhook_load import ONE_BY_ONE

EVENTS = 10_000
BATCH = 100
CONNECTIONS = 16
TURNS = 2
"""Rounds in which the reference and ours are loaded one after the other."""


def run(messages: int = EVENTS) -> dict[str, Any]:
    """Send `messages` events one by one, and as many in batches, to a webhook of each of four kinds."""
    with ExitStack() as stack:
        home = stack.enter_context(_home())
        found = stack.enter_context(services(Settings(home=home, database_url="", redis_url="")))
        _migrate(found.database_url)
        environment = _environment(home, found)
        with psycopg.connect(found.database_url) as connection:
            for statement in SEED:
                connection.execute(statement, {"people": messages})
            connection.execute(REFERENCE_TABLE)
        hooks = _hooks(environment)
        tokens = _tokens(found.database_url)
        port = stack.enter_context(_server(environment, "wsgi:app", "/healthz"))
        least = stack.enter_context(_server(environment, "benchmarks.webhooks:reference", "/healthz"))
        result: dict[str, Any] = {}
        for kind, hook in hooks.items():
            result |= _measure(kind, hook, port, messages, tokens)
        result |= _against_the_least(hooks["generic"], port, least, messages, tokens)
        with psycopg.connect(found.database_url) as connection:
            stored = _count(connection, "SELECT count(*) FROM webhook_events")
            connection.execute(ONE_KIND_ONLY)
            delivered = _taken_in(connection, environment, ("delivered",))
            bounced = _taken_in(connection, environment, ("bounce",))
            ended = _count(connection, "SELECT count(*) FROM messages WHERE state = 'bounced'")
    answered = sum(result.pop(name) for name in list(result) if name.endswith("_events"))
    result |= {
        "stored": stored,
        "lost": answered - stored,
        "delivered_taken_in_per_s": delivered,
        "bounced_taken_in_per_s": bounced,
        "bounced": ended,
    }
    return {**result, "ok": result["lost"] == 0}


def _taken_in(connection: "psycopg.Connection[Any]", environment: dict[str, str], types: tuple[str, ...]) -> int:
    """Events of these types a second, all others set aside."""
    aside = "UPDATE webhook_events SET handled_at = CASE WHEN type = ANY(%s) THEN NULL ELSE now() END"
    connection.execute(aside, [list(types)])
    connection.commit()
    done = subprocess.run([sys.executable, "-c", TAKE_IN], env=environment, check=True, capture_output=True)
    return round(float(done.stdout))


def _measure(kind: str, hook: dict[str, str], port: int, events: int, tokens: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, size in (("single", 1), ("batch", BATCH)):
        if name == "batch" and kind in ONE_BY_ONE:
            continue
        answer = _load({**hook, "kind": kind, "port": port, "calls": events // size, "size": size}, tokens)
        found[f"{kind}_{name}_per_s"] = round(answer["ok"] * size / answer["seconds"])
        found[f"{kind}_{name}_p99_ms"] = round(answer["p99_ms"], 1)
        found[f"{kind}_{name}_events"] = answer["ok"] * size
    return found


def _against_the_least(hook: dict[str, str], port: int, least: int, events: int, tokens: list[str]) -> dict[str, Any]:
    """The generic format at our door and at the reference, in turns."""
    seconds = {"ours": 0.0, "least": 0.0}
    done = {"ours": 0, "least": 0}
    for turn in range(1, TURNS + 1):
        for whose, where in (("least", least), ("ours", port)):
            asked = {**hook, "kind": "generic", "port": where, "calls": events, "size": 1, "begin": turn * events}
            answer = _load(asked, tokens)
            seconds[whose] += answer["seconds"]
            done[whose] += answer["ok"]
    rates = {whose: done[whose] / seconds[whose] for whose in seconds}
    return {
        "reference_per_s": round(rates["least"]),
        "generic_beside_it_per_s": round(rates["ours"]),
        "ratio": round(rates["ours"] / rates["least"], 3),
        "beside_it_events": done["ours"],
    }


def _load(asked: dict[str, Any], tokens: list[str]) -> dict[str, Any]:
    told = json.dumps({"begin": 0, "connections": CONNECTIONS, **asked, "tokens": tokens})
    command = [sys.executable, "-m", "benchmarks.webhook_load"]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _hooks(environment: dict[str, str]) -> dict[str, dict[str, str]]:
    done = subprocess.run([sys.executable, "-c", ADD], env=environment, check=True, capture_output=True, cwd=ROOT)
    found: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _tokens(url: str) -> list[str]:
    keyring = Keyring(SECRET)
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id FROM messages ORDER BY id").fetchall()
    return [keyring.sign_for_mail(Purpose.RETURN_PATH, row[0]) for row in rows]


def _count(connection: "psycopg.Connection[Any]", query: str) -> int:
    found = connection.execute(query.encode()).fetchone()
    connection.commit()
    assert found is not None
    return int(found[0])


_mine = local()


def reference(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI: the least that a door can do."""
    if environ["REQUEST_METHOD"] == "GET":
        start("200 OK", [("Content-Length", "0")])
        return [b""]
    body = environ["wsgi.input"].read()
    stamp, given = environ["HTTP_X_MERPATI_TIMESTAMP"], environ["HTTP_X_MERPATI_SIGNATURE"]
    # It has no secret of its own: the work is the same, whatever it compares with.
    hmac.compare_digest(sign(SECRET, stamp, body), given)
    events = json.loads(body)
    if not hasattr(_mine, "connection"):
        _mine.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    values = [(event["id"], json.dumps(event)) for event in events]
    _mine.connection.cursor().executemany(REFERENCE_INSERT, values)
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]


REFERENCE_TABLE = "CREATE TABLE reference_events (key text PRIMARY KEY, body jsonb NOT NULL)"
REFERENCE_INSERT = "INSERT INTO reference_events VALUES (%s, %s) ON CONFLICT DO NOTHING"

ONE_KIND_ONLY = """
DELETE FROM webhook_events e USING webhooks w
WHERE w.id = e.webhook_id AND (w.kind <> 'sendgrid' OR e.key LIKE '100-%')
"""

ADD = """
import json
from app.core.database import db, every_workspace, in_workspace
from app.core.extensions import keyring
from app.accounts.models import Workspace
from app.tracking.webhooks.setup import add_webhook, enter
from benchmarks.webhook_load import SIGNING_KEY, public_key
from workers.runtime import job_context
with job_context():
    with every_workspace():
        [number] = db.session.scalars(db.select(Workspace.id))
    made = {}
    with in_workspace(number):
        for kind in ("postmark", "sendgrid", "mailgun", "generic"):
            hook, secret = add_webhook(keyring(), kind)
            if kind == "sendgrid":
                enter(keyring(), hook, public_key())
            elif kind == "mailgun":
                enter(keyring(), hook, SIGNING_KEY)
            made[kind] = {"path": f"/hooks/{hook.public_id}", "secret": secret}
    db.session.commit()
    print(json.dumps(made))
"""

TAKE_IN = """
import time
from workers.runtime import job_context
from app.tracking.webhooks.intake import take_in_events
with job_context():
    begin = time.perf_counter()
    taken = take_in_events()
    print(taken / (time.perf_counter() - begin))
"""
