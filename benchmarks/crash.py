"""`kill -9` of all that a send stands on, again and again while a campaign goes out; then the books are compared.

The ledger is held against the file of the server that took the mail. The whole installation runs: its own PostgreSQL
(durable, as always) and Valkey, workers, schedule, each started again as `merpati up` does it. At random points of the
send a worker, Valkey, PostgreSQL or one of its sessions is killed. In the end nobody may be lost and nothing taken
twice; every message whose fate is unknown is named as such, and there are no more of those than a killed worker had
connections open.
"""

import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from app.core.settings import Settings, load_settings
from app.runtime.process import Process
from app.runtime.supervisor import Supervisor
from app.shell.up import House, listens
from benchmarks.send import seed_campaign

MESSAGES = 100_000
KILLS = 100
WORKERS = 3
PACE = 0.01
"""Seconds that the sink takes for an answer, on average."""
QUIET = 120.0
"""Seconds without one message after which the run is given up; what is open then counts as lost."""
SIZE, LINKS = 4_000, 3
KINDS = {"worker": 0.4, "valkey": 0.2, "postmaster": 0.2, "session": 0.2}
OPEN = ("planned", "sending", "deferred")


def run(messages: int = MESSAGES, kills: int = KILLS, seed: int = 1) -> dict[str, Any]:
    """Send `messages` mails, kill `kills` times; `ok` tells whether every promise was kept."""
    begin = time.monotonic()
    with ExitStack() as stack:
        settings = stack.enter_context(_installation())
        taken = Taken(settings.root / "taken")
        house = House(settings, [_sink(settings, taken.path)], out=stack.enter_context(_console(settings)))
        stack.callback(house.close)
        _hasten(house.supervisor)
        house.open()
        database = house.settings.database_url
        seed_campaign(database, messages, SIZE, LINKS)
        house.supervisor.start()
        house.supervisor.wait_ready()
        killer = Killer(house, random.Random(seed), _points(messages, kills, seed))
        _attend(house, killer, taken)
        result = _compare(database, taken, killer, settings.smtp_connections)
    return {**result, "seconds": round(time.monotonic() - begin, 1)}


@contextmanager
def _installation() -> Iterator[Settings]:
    """Settings of a home of its own on free ports, for this process and its children."""
    home = Path(tempfile.mkdtemp(prefix="merpati-crash-"))
    home.chmod(0o755)
    web, bounces, sink, page = (f"127.0.0.1:{port}" for port in _free_ports(4))
    own = {
        "DATABASE_URL": "",
        "MERPATI_DATABASE_URL": "",
        "REDIS_URL": "",
        "MERPATI_REDIS_URL": "",
        "MERPATI_HOME": str(home),
        "MERPATI_BASE_URL": f"http://{web}",
        "MERPATI_BIND": web,
        "MERPATI_BOUNCE_LISTEN": bounces,
        "MERPATI_CATCHER_LISTEN": sink,
        "MERPATI_CATCHER_PAGE": page,
        "MERPATI_SMTP_URL": f"smtp://{sink}",
        "MERPATI_WORKERS": str(WORKERS),
        "MERPATI_LOG_LEVEL": "warning",
    }
    before = dict(os.environ)
    os.environ.update(own)
    load_settings.cache_clear()
    try:
        yield load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)
        load_settings.cache_clear()
        shutil.rmtree(home, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def _console(settings: Settings) -> Iterator[Any]:
    with (settings.root / "console").open("w") as file:
        yield file


def _sink(settings: Settings, path: Path) -> Process:
    host, _, port = settings.catcher_listen.rpartition(":")
    argv = [sys.executable, "-m", "benchmarks.sink", port, str(path), str(PACE)]
    root = str(Path(__file__).resolve().parents[1])
    return Process("sink", argv, env={"PYTHONPATH": root}, ready=listens(host, int(port)))


def _hasten(supervisor: Supervisor) -> None:
    """A part that dies again and again waits up to half a minute for its next start; here it dies by our hand."""
    for child in supervisor.children:
        child.process = replace(child.process, longest_delay=1.0)


def _points(messages: int, kills: int, seed: int) -> list[int]:
    """After how many messages each kill comes: at random, one in each of as many equal parts of the send."""
    dice = random.Random(seed)
    return [int((number + dice.random()) * messages * 0.98 / kills) for number in range(kills)]


class Taken:
    """What the sink has taken, read from its file as that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._offset = 0

    def look(self) -> int:
        """How many messages were taken so far."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._offset)
                news = file.read()
            self._offset += len(news)
            self.count += news.count(b"\n")
        return self.count

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """How often each Message-ID, and each person, was taken."""
        pairs = [line.split(" ") for line in self.path.read_text().splitlines()]
        return Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)


@dataclass
class Killer:
    """Kills one part when its point of the send has come."""

    house: House
    dice: random.Random
    points: list[int]
    by_kind: Counter[str] = field(default_factory=Counter)
    workers: set[int] = field(default_factory=set)

    def strike(self) -> None:
        """One kill. Nothing happens when what was chosen is dead already: the next look chooses again."""
        [kind] = self.dice.choices(list(KINDS), list(KINDS.values()))
        time.sleep(self.dice.random() * 0.05)
        pid = self._find(kind)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.points.pop(0)
            self.by_kind[kind] += 1
            if kind == "worker":
                self.workers.add(pid)

    def _find(self, kind: str) -> int | None:
        if kind == "worker":
            return self._worker()
        return self._session() if kind == "session" else self._server(kind)

    def _worker(self) -> int | None:
        children = self.house.supervisor.children
        living = [child.pid for child in children if child.is_running and child.process.name.startswith("worker-")]
        return self.dice.choice(living) if living else None

    def _server(self, kind: str) -> int | None:
        title = {"postmaster": "PostgreSQL", "valkey": "Valkey"}[kind]
        [running] = [running for running in self.house.servers if running.server.title == title]
        return None if running.has_ended else running.pid

    def _session(self) -> int | None:
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        try:
            with psycopg.connect(self.house.settings.database_url, connect_timeout=2) as connection:
                pids = [int(row[0]) for row in connection.execute(query).fetchall()]
        except psycopg.OperationalError:
            return None
        return self.dice.choice(sorted(pids)) if pids else None


def _attend(house: House, killer: Killer, taken: Taken) -> None:
    """Keep the house running, and kill, until the campaign is finished or nothing moves any more."""
    progress, moved = 0, time.monotonic()
    while time.monotonic() - moved < QUIET and not _is_finished(house.settings.database_url):
        house.supervisor.poll()
        if taken.look() > progress:
            progress, moved = taken.count, time.monotonic()
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            if killer.points and taken.look() >= killer.points[0]:
                killer.strike()
                break
            time.sleep(0.01)


def _is_finished(database: str) -> bool:
    query = (
        "SELECT c.state = 'finished' AND NOT EXISTS (SELECT FROM runs WHERE ended_at IS NULL) "
        "AND NOT EXISTS (SELECT FROM messages WHERE state = ANY(%s)) FROM campaigns c"
    )
    try:
        with psycopg.connect(database, connect_timeout=2) as connection:
            row = connection.execute(query, (list(OPEN),)).fetchone()
    except psycopg.OperationalError:
        return False
    return bool(row and row[0])


def _compare(database: str, taken: Taken, killer: Killer, connections: int) -> dict[str, Any]:
    with psycopg.connect(database) as connection:
        ledger: dict[str, str] = dict(connection.execute("SELECT address, state FROM messages").fetchall())
        people = {row[0] for row in connection.execute("SELECT email FROM subscribers").fetchall()}
        doubt = connection.execute(
            "SELECT r.pid, count(*) FROM attempts a JOIN runs r ON r.id = a.run_id "
            "WHERE a.outcome = 'uncertain' GROUP BY r.pid"
        ).fetchall()
    found = judge(people, ledger, *taken.counts())
    most = max((count for pid, count in doubt if pid in killer.workers), default=0)
    return {
        "ok": not (found["lost"] or found["duplicated"] or found["unnamed"]) and most <= connections,
        "kills": killer.by_kind.total(),
        "by_kind": dict(killer.by_kind),
        "messages": len(people),
        **found,
        "uncertain_per_kill_max": most,
        "uncertain_of_the_living": sum(count for pid, count in doubt if pid not in killer.workers),
        "open_connections": connections,
    }


def judge(people: set[str], ledger: Mapping[str, str], ids: Counter[str], persons: Counter[str]) -> dict[str, int]:
    """The ledger (person → state) against how often each Message-ID and each person was taken.

    Lost: neither taken nor named as something other than sent; whoever was left over when nothing moved any more is one
    of them. Unnamed: taken, but neither sent nor uncertain in the
    ledger; or sent in the ledger, but never taken.
    """
    of = {state: {person for person, its in ledger.items() if its == state} for state in set(ledger.values())}
    sent, uncertain = of.get("sent", set()), of.get("uncertain", set())
    settled = {person for state, those in of.items() if state not in ("sent", *OPEN) for person in those}
    return {
        "lost": len(people - persons.keys() - settled),
        "left_over": sum(len(those) for state, those in of.items() if state in OPEN),
        "duplicated": max(ids.total() - len(ids), persons.total() - len(persons)),
        "uncertain": len(uncertain),
        "unnamed": len(persons.keys() - sent - uncertain) + len(sent - persons.keys()),
    }
