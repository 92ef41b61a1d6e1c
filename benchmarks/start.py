"""Seconds from the command to the first page: `merpati up` in a fresh home, and again in the same one."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.shell.up import answers
from benchmarks.track import ROOT, free_port, wait_until

LONGEST = 180
PORTS = ("BIND", "BOUNCE_LISTEN", "CATCHER_LISTEN", "CATCHER_PAGE")


def run() -> dict[str, Any]:
    """A cold and a warm start, each to the first 200 on /healthz."""
    with tempfile.TemporaryDirectory(prefix="merpati-bench-") as name:
        Path(name).chmod(0o755)
        home = Path(name) / "var"
        return {"cold_s": round(_start(home), 2), "warm_s": round(_start(home), 2)}


def _start(home: Path) -> float:
    ports = {f"MERPATI_{name}": f"127.0.0.1:{free_port()}" for name in PORTS}
    own = {"DATABASE_URL", "REDIS_URL", "MERPATI_SECRET_KEY"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    environment = {**kept, **ports, "MERPATI_HOME": str(home), "PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    # Its own directory, so that no .env of the installation at hand gets in.
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"],
        env=environment,
        cwd=home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = int(ports["MERPATI_BIND"].rpartition(":")[2])
        wait_until(answers("127.0.0.1", port, "/healthz"), process, LONGEST)
        return time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait()
