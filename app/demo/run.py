"""`merpati demo`: the main job, for real, in the open.

A list is imported by the importer, a newsletter goes out in two cells through RQ workers over SMTP, simulated inboxes
answer, and at the end the ledger and the report are compared with what the world says it did.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.exc import OperationalError

from app.core.database import db
from app.core.settings import Settings, host_port, load_settings
from app.demo.checks import Check, compare
from app.demo.world import World, time_scale, wait_until, world_process
from app.reporting.report import Report
from app.runtime.process import Process
from app.shell.up import House

QUICKEST = 0.003
"""How much shorter than in real life a lane may rest: below, a second's jitter is longer than the rest."""
PATIENCE = 300
"""Seconds after which a step that does not end is given up."""


def run_demo(*, once: bool, people: int, seed: int, seconds: int, home: Path | None, as_json: bool) -> int:
    """Run the demo; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also where a shell started us in the background, with Ctrl-C ignored.
        signal.signal(number, stop_on_signal)
    demo = Demo(stays=not once, people=people, seed=seed, seconds=seconds, home=home, console=Console(stderr=as_json))
    ok = False
    with demo.house_open():
        ok = demo.main_job()
        if as_json:
            print(json.dumps(demo.result()), flush=True)
        if not once:
            demo.stay()
    return 0 if ok else 1


def stop_on_signal(*_: object) -> None:
    """A signal handler: end as with Ctrl-C."""
    raise KeyboardInterrupt


class Demo:
    """One run of the main job."""

    def __init__(
        self, *, stays: bool, people: int, seed: int, seconds: int, home: Path | None, console: Console
    ) -> None:
        self.people, self.seed, self.seconds, self.console = people, seed, seconds, console
        self.stays = stays
        self.begin = time.monotonic()
        self.settings = self.settings_for(home, seconds)
        self.truth = self.settings.root / "truth" / f"{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
        self.house = House(self.settings, [self.world_process()], out=console.file)
        self.world = World(self.settings)
        self.checks: list[Check] = []
        self.report: Report | None = None
        self.link = ""

    def settings_for(self, home: Path | None, seconds: float) -> Settings:
        """The settings of the house, set for all its processes."""
        return demo_settings(home, seconds)

    def world_process(self) -> Process:
        """The world, not yet running."""
        return world_process(self.settings, seed=self.seed, seconds=self.seconds, truth=self.truth)

    @contextmanager
    def house_open(self) -> Iterator[None]:
        """All processes running, and an application to drive them with."""
        self.say("Starting PostgreSQL, Valkey, web, two workers, schedule, bounce mailbox and a world of inboxes …")
        self.house.open()
        try:
            self.house.supervisor.start()
            self.house.supervisor.wait_ready()
            self.settings = self.house.settings
            self.say(f"Everything runs after {time.monotonic() - self.begin:.1f} s.")
            yield
        except KeyboardInterrupt:
            self.say("Stopping.")
        finally:
            self.house.close()

    def main_job(self) -> bool:
        """From file to report. True when every number adds up."""
        from app.factory import create_app

        app = create_app(self.settings, web=False)
        with app.app_context():
            from app.demo.story import Story

            story = Story(self.settings, people=self.people, seed=self.seed)
            self.bring_in(story)
            self._send(story)
            self.hear(story)
            story.begin_the_watch()
            self.report = story.report()
            self.checks = compare(
                self.report, self.people, self.truth, self.settings.mail_domain, doubt=self._killed_workers_doubt()
            )
            self.link = story.sign_in_link()
            self._show(story)
        return all(check.ok for check in self.checks)

    def stay(self) -> None:
        """Keep the site up until Ctrl-C."""
        self.say("The site stays up; Ctrl-C ends it.")
        while True:
            self.house.supervisor.poll()
            time.sleep(0.5)

    def result(self) -> dict[str, Any]:
        """What a program reads."""
        assert self.report is not None
        return {
            "ok": all(check.ok for check in self.checks),
            "seconds": round(time.monotonic() - self.begin, 1),
            "ledger": [
                {"state": row.state, "reason": row.reason, "count": row.count} for row in self.report.ledger.rows
            ],
            "checks": [
                {"what": check.what, "believed": check.believed, "true": check.true, "ok": check.ok}
                for check in self.checks
            ],
        }

    def bring_in(self, story: Any) -> None:
        path = story.write_people()
        self.say(f"{self.people:,} people, none of them real, are in {path}. Importing them:")
        with self._progress() as bar:
            task = bar.add_task("Import", total=self.people)

            def tick(done: int) -> None:
                bar.update(task, completed=done)
                self.house.supervisor.poll()

            story.import_people(path, tick)
        self.say(f"  {story.imported}")

    def _send(self, story: Any) -> None:
        story.launch()
        self.say("A newsletter in two subject lines, a tenth of the people held out. Sending:")
        with self._progress() as bar:
            task = bar.add_task("Send", total=self.people)

            def tick() -> None:
                bar.update(task, completed=story.concluded())

            self.wait(story.is_sent, PATIENCE, tick)
            tick()
        self.say(f"  {story.sending_speed()}")

    def hear(self, story: Any) -> None:
        self.say(f"Two days of opens, clicks, bounces and unsubscribes, in about {self.seconds} seconds:")
        with self._progress() as bar:
            task = bar.add_task("Answers", total=None)

            def tick() -> None:
                status = self.world.status()
                pending = int(status.get("pending_actions", 0))
                done = sum(int(number) for number in status.get("counts", {}).values())
                bar.update(task, completed=done, total=done + pending)

            self.wait(self.world.is_done, PATIENCE + self.seconds, tick)
            self.wait(story.is_taken_in, PATIENCE, tick)
            tick()

    def wait(self, is_so: Callable[[], bool], seconds: float, tick: Callable[[], None]) -> None:
        """Look until it is so, and keep the house running meanwhile: any part of it may end and come back."""

        def look() -> bool:
            self.house.supervisor.poll()
            try:
                tick()
                return is_so()
            except (OperationalError, RedisError):
                # The session may hold a connection to the server that is gone.
                db.session.rollback()
                return False

        wait_until(look, seconds=seconds)

    def _killed_workers_doubt(self) -> int:
        """The most that can be in doubt: what was on the open connections of workers that were killed."""
        workers = [child for child in self.house.supervisor.children if child.process.name.startswith("worker-")]
        return sum(child.restarts for child in workers) * self.settings.smtp_connections

    def _show(self, story: Any) -> None:
        assert self.report is not None
        table = Table(title="Ledger", title_justify="left")
        table.add_column("state")
        table.add_column("reason")
        table.add_column("people", justify="right")
        for row in self.report.ledger.rows:
            table.add_row(row.state, row.reason, f"{row.count:,}")
        table.add_section()
        table.add_row("sum", "", f"{self.report.ledger.audience:,}")
        self.console.print(table)
        truth = Table(title="Merpati and the world", title_justify="left")
        for name in ("", "believed", "true", ""):
            truth.add_column(name, justify="right" if name else "left")
        for check in self.checks:
            mark = "agrees" if check.believed == check.true else _mark(check)
            truth.add_row(check.what, f"{check.believed:,}", f"{check.true:,}", mark)
        self.console.print(truth)
        opens = self.report.total.opened_any
        share = self.report.machine_opens / opens if opens else 0
        self.say(f"Machines alone made {share:.0%} of the recorded opens; the report keeps them apart.")
        wrong = [check.what for check in self.checks if not check.ok]
        self.say("Every number adds up." if not wrong else f"These do NOT add up: {', '.join(wrong)}.")
        self.say(f"The main job took {time.monotonic() - self.begin:.0f} s from the start.")
        if self.stays:
            self.say(f"Report: {story.report_address()}\nSign in, once, with: {self.link}")

    def _progress(self) -> Progress:
        columns = (TextColumn("  {task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self.console)

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)


def _mark(check: Check) -> str:
    if not check.exact:
        return "estimate"
    return "in doubt" if check.ok else "differs"


_SERVERS = ("DATABASE_URL", "MERPATI_DATABASE_URL", "REDIS_URL", "MERPATI_REDIS_URL", "MERPATI_SMTP_URL")


def demo_settings(home: Path | None, seconds: float, **more: str) -> Settings:
    """The installation's settings, with servers, home, pace and trust of the demo's own, and `more` by their names.

    Whatever the installation has set, nothing of the demo gets into its database, its queue or its way out.
    """
    installation, scale = load_settings(), time_scale(seconds)
    retries = [max(1.0, minutes * 60 * scale) / 60 for minutes in (5, 7, 8, 25)]
    own = {
        "MERPATI_HOME": str(home or installation.root / "demo"),
        "MERPATI_RETRY_MINUTES": ",".join(f"{minutes:.4f}" for minutes in retries),
        # A provider that asks for patience asks for minutes of that world, not of ours.
        "MERPATI_PACE_SCALE": f"{max(scale, QUICKEST):.6f}",
        # The world says in X-Forwarded-For where each visitor would come from.
        "MERPATI_TRUSTED_PROXIES": "1",
        "MERPATI_CATCHER": "false",
        **dict.fromkeys(_SERVERS, ""),
        **more,
    }
    if _is_public(installation.base_url):
        own["MERPATI_BASE_URL"] = f"http://127.0.0.1:{host_port(installation.bind)[1]}"
    for name in _SERVERS:
        os.environ.pop(f"{name}_FILE", None)
    os.environ.update(own)
    load_settings.cache_clear()
    settings = load_settings()
    networks = settings.root / "networks"
    networks.mkdir(parents=True, exist_ok=True)
    (networks / "simulated-data-centre.txt").write_text("198.51.100.0/24  # the world's link scanners\n")
    return settings


def _is_public(url: str) -> bool:
    """Whether it may lead to the installation's own visitors, and not to the demo."""
    parts = urlsplit(url)
    try:
        ip_address(parts.hostname or "")
    except ValueError:
        return parts.hostname != "localhost"
    return parts.scheme == "https"
