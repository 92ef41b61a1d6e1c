"""Calls of providers a second that the real web server verifies and stores: single events, and batches.

Every call is signed as its provider signs it, and answered only after its commit. Afterwards those of one provider are
taken in as a worker does it, what was delivered apart from what bounced: whatever was answered must be a row.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

import psycopg

from app.core.settings import Settings
from app.core.tokens import Keyring, Purpose
from app.runtime.services import services
from benchmarks.track import ROOT, SECRET, SEED, _environment, _home, _migrate, _server

EVENTS = 10_000
BATCH = 100
CONNECTIONS = 16


def run(messages: int = EVENTS) -> dict[str, Any]:
    """Send `messages` events one by one, and as many in batches, to a webhook of each of three kinds."""
    with ExitStack() as stack:
        home = stack.enter_context(_home())
        found = stack.enter_context(services(Settings(home=home, database_url="", redis_url="")))
        _migrate(found.database_url)
        environment = _environment(home, found)
        with psycopg.connect(found.database_url) as connection:
            for statement in SEED:
                connection.execute(statement, {"people": messages})
        hooks = _hooks(environment)
        port = stack.enter_context(_server(environment, "wsgi:app", "/healthz"))
        result: dict[str, Any] = {}
        for kind, hook in hooks.items():
            result |= _measure(kind, hook, port, messages, _tokens(found.database_url))
        with psycopg.connect(found.database_url) as connection:
            stored = _count(connection, "SELECT count(*) FROM webhook_events")
            connection.execute(ONE_KIND_ONLY)
            delivered = _taken_in(connection, environment, ("delivered",))
            bounced = _taken_in(connection, environment, ("bounce",))
            ended = _count(connection, "SELECT count(*) FROM messages WHERE state = 'bounced'")
    answered = sum(value for name, value in result.items() if name.endswith("_events"))
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
        if name == "batch" and kind not in ("sendgrid", "generic"):
            continue
        asked = {**hook, "kind": kind, "port": port, "connections": CONNECTIONS, "calls": events // size, "size": size}
        command = [sys.executable, "-m", "benchmarks.webhook_load"]
        told = json.dumps({**asked, "tokens": tokens})
        done = subprocess.run(command, input=told, capture_output=True, text=True, check=True, cwd=ROOT)
        answer = json.loads(done.stdout)
        found[f"{kind}_{name}_per_s"] = round(answer["ok"] * size / answer["seconds"])
        found[f"{kind}_{name}_p99_ms"] = round(answer["p99_ms"], 1)
        found[f"{kind}_{name}_events"] = answer["ok"] * size
    return found


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
from benchmarks.webhook_load import public_key
from workers.runtime import job_context
with job_context():
    with every_workspace():
        [number] = db.session.scalars(db.select(Workspace.id))
    made = {}
    with in_workspace(number):
        for kind in ("postmark", "sendgrid", "generic"):
            hook, secret = add_webhook(keyring(), kind)
            if kind == "sendgrid":
                enter(keyring(), hook, public_key())
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
