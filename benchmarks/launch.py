"""From the launch of a campaign to its last message: the whole product, real workers, real schedule, one sink.

A workspace with as many people is made, a campaign is launched as its page launches it, and everything else is left to
the processes that `merpati up` runs. While they work, the ledger is counted: its states must add up at every look.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from app.accounts.models import Workspace
from app.campaigns.edit import create_campaign, find_variant, save_audience
from app.campaigns.launch import launch, prepare
from app.core.database import db, in_workspace
from app.core.settings import Settings, load_settings
from app.factory import create_app
from app.runtime.services import services
from benchmarks.send import _database, _newsletter, _sink

MESSAGES = 1_000_000
LOOK = 2.0
"""Seconds between two looks at the ledger."""
PATIENCE = 3600.0

_PEOPLE = (
    """INSERT INTO lists (workspace_id, name, slug, public_id)
    SELECT id, 'Letters', 'letters', 'benchmark' FROM workspaces""",
    """INSERT INTO subscribers (workspace_id, email, address, address_hash, first_name, last_name, attributes)
    SELECT w.id, a, a, sha256(w.address_key || a::bytea), 'Ann', 'Surname' || n %% 9973,
           jsonb_build_object('age', n %% 70)
    FROM workspaces w, generate_series(1, %(people)s) n,
         LATERAL (SELECT 'person.' || n || '@mail' || n %% 200 || '.example.com' AS a) named""",
    """INSERT INTO subscriptions (workspace_id, list_id, subscriber_id, state)
    SELECT s.workspace_id, l.id, s.id, 'confirmed' FROM subscribers s, lists l""",
)


def run(messages: int = MESSAGES, size: int = 20_000, links: int = 10, workers: int = 2) -> dict[str, Any]:
    """Launch to `messages` people; seconds until frozen, until the first message and until finished."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = stack.enter_context(services(load_settings()))
        database_url = stack.enter_context(_database(running.database_url))
        port = stack.enter_context(_sink())
        settings = Settings(
            home=home,
            database_url=database_url,
            redis_url=running.redis_url,
            secret_key="a secret for this benchmark, long enough to be taken",
            smtp_url=f"smtp://127.0.0.1:{port}",
            workers=workers,
            log_level="warning",
        )
        stack.enter_context(create_app(settings, web=False).app_context())
        stack.callback(db.engine.dispose)
        campaign_id = _prepare(database_url, messages, _newsletter(size, links))
        processes = [_start(settings, "worker") for _ in range(workers)] + [_start(settings, "schedule")]
        try:
            _wait_for_workers(settings, workers)
            return _watch(database_url, campaign_id, messages, processes[:workers])
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def _prepare(url: str, people: int, mjml: str) -> int:
    workspace = Workspace(
        name="Aviary", slug="aviary", postal_address="1 Dovecote Lane, 12345 Nest", hold_seconds=0,
        from_name="Aviary News", from_email="news@aviary.example.com",
    )  # fmt: skip
    db.session.add(workspace)
    db.session.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _PEOPLE:
            connection.execute(statement, {"people": people})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT id FROM lists").fetchone()
    assert row is not None
    with in_workspace(workspace.id):
        campaign = create_campaign("Spring", mjml=mjml, subject="News for {{ subscriber.first_name }}")
        find_variant(campaign, 1).preheader = "Spring is here"
        save_audience(campaign.id, campaign.version, lists=[row[0]])
        db.session.commit()
        return int(campaign.id)


def _start(settings: Settings, *words: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_HOME": str(settings.home),
        "MERPATI_SECRET_KEY": settings.secret_key,
        "MERPATI_SMTP_URL": settings.smtp_url,
        "MERPATI_WORKERS": str(settings.workers),
        "MERPATI_LOG_LEVEL": "warning",
    }
    return subprocess.Popen([sys.executable, "-m", "app.cli", *words], env=environment)


def _wait_for_workers(settings: Settings, workers: int) -> None:
    from rq import Worker

    from app.core.jobs import connect_queue

    end = time.monotonic() + 60
    while Worker.count(connection=connect_queue(settings.redis_url)) < workers:
        if time.monotonic() > end:
            raise RuntimeError("the workers did not start within a minute")
        time.sleep(0.1)


def _watch(url: str, campaign_id: int, messages: int, workers: list[subprocess.Popen[bytes]]) -> dict[str, Any]:
    """Launch, look at the ledger until the campaign is finished, and tell what was seen."""
    workspace_id = db.session.scalar(db.select(Workspace.id))
    assert workspace_id is not None
    before, begin = _cpu(workers), time.time()
    with in_workspace(workspace_id):
        launch(campaign_id, by=None)
        db.session.commit()
        prepare([campaign_id])
    with psycopg.connect(url, autocommit=True) as connection:
        looks, early = 0, None
        while True:
            time.sleep(LOOK)
            state, waiting = _look(connection)
            looks += waiting is not None
            if early is None and waiting is not None and messages - waiting >= 10_000:
                early = _memory(workers)
            if state == "finished":
                break
            if time.time() > begin + PATIENCE:
                raise RuntimeError(f"after {PATIENCE:.0f} s the campaign is {state} with {waiting} messages waiting")
        end = time.time()
        first_run, first, last = _check(connection, messages)
    return {
        "messages": messages,
        "frozen_after_s": round(first_run - begin, 1),
        "first_message_after_s": round(first - begin, 1),
        "last_message_after_s": round(last - begin, 1),
        "finished_after_s": round(end - begin, 1),
        "messages_per_second": round(messages / (last - first)),
        "worker_cpu_us_per_message": round((_cpu(workers) - before) / messages * 1e6),
        "looks_at_the_ledger": looks,
        "rss_mb_at_10_000": early,
        "rss_mb_at_the_end": _memory(workers),
    }


def _look(connection: psycopg.Connection[Any]) -> tuple[str, int | None]:
    """The campaign's state and how many messages wait; None before the freeze. The ledger must add up."""
    query = """
    SELECT c.state, c.considered, count(m.id), count(m.id) FILTER (WHERE m.state IN ('planned', 'sending'))
    FROM campaigns c LEFT JOIN messages m ON m.campaign_id = c.id GROUP BY c.id
    """
    row = connection.execute(query).fetchone()
    assert row is not None
    state, considered, rows, waiting = row
    if considered is not None and rows != considered:
        raise RuntimeError(f"the ledger has {rows} rows for {considered} people")
    return state, None if considered is None else waiting


def _check(connection: psycopg.Connection[Any], messages: int) -> tuple[float, float, float]:
    """When the first run began, when the first and the last message were taken. Everybody got exactly one."""
    ledger = connection.execute("SELECT state, count(*) FROM messages GROUP BY state").fetchall()
    query = """
    SELECT extract(epoch FROM (SELECT min(started_at) FROM runs))::float8, extract(epoch FROM min(at))::float8,
           extract(epoch FROM max(at))::float8, count(*), count(DISTINCT message_id)
    FROM attempts WHERE outcome = 'sent'
    """
    row = connection.execute(query).fetchone()
    assert row is not None
    if ledger != [("sent", messages)] or row[3:] != (messages, messages):
        raise RuntimeError(f"the ledger says {ledger}; {row[3]} attempts for {row[4]} people")
    return row[0], row[1], row[2]


def _memory(workers: list[subprocess.Popen[bytes]]) -> float:
    """Resident memory of the largest worker, in MB."""
    found = []
    for worker in workers:
        lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        found += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]
    return round(max(found), 1)


def _cpu(workers: list[subprocess.Popen[bytes]]) -> float:
    """CPU seconds of all workers."""
    total = 0.0
    for worker in workers:
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total
