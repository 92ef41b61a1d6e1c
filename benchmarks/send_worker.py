"""One worker process of the send benchmark: ready, go, slices until nothing is left, then a report on stdout."""

import json
import sys
import time
from pathlib import Path

from app.core.database import db
from app.core.settings import load_settings
from app.factory import create_app
from app.sending.engine import await_answers, run_slice


def work() -> None:
    """Say `ready`, wait for a line, send, and report CPU seconds and memory at the peak."""
    with create_app(load_settings(), web=False).app_context():
        campaign_id = db.session.execute(db.text("SELECT max(id) FROM campaigns")).scalar_one()
        db.session.rollback()
        _say("ready")
        sys.stdin.readline()
        before, memory = time.process_time(), _memory_mb("VmRSS")
        while run_slice(campaign_id).has_more:
            pass
        await_answers()
        cpu = time.process_time() - before
    _say(json.dumps({"cpu": cpu, "rss_mb": _memory_mb("VmHWM"), "rss_before_mb": memory}))


def _memory_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    work()
