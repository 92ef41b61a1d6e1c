"""The supervisor with real processes: start, restart, stop, and what a killed one leaves."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.errors import Conflict, Unavailable
from app.runtime.locks import is_locked
from app.runtime.process import Process
from app.runtime.supervisor import Supervisor

pytestmark = pytest.mark.slow

PATIENT = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('here'); time.sleep(60)"
)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here'); time.sleep(60)"

RUN = """
import sys, threading
from pathlib import Path
from app.runtime.process import Process
from app.runtime.supervisor import Supervisor
from tests.runtime.test_supervisor import PATIENT, STUBBORN, printed
home, code = Path(sys.argv[1]), {"patient": PATIENT, "stubborn": STUBBORN}[sys.argv[2]]
ready = lambda name: lambda: printed(home, name, "here")
processes = [Process(name, [sys.executable, "-c", code], ready=ready(name)) for name in ("web", "worker-1", "worker-2")]
Supervisor(processes, home).run(lambda: print("all ready", flush=True))
print("stopped well")
"""


def python(name: str, code: str, **options: object) -> Process:
    return Process(name, [sys.executable, "-c", textwrap.dedent(code)], **options)  # type: ignore[arg-type]


def test_processes_become_ready_and_end(home: Path) -> None:
    ready = [lambda: printed(home, "web", "here"), lambda: printed(home, "worker", "here")]
    out = io.StringIO()
    supervisor = Supervisor(
        [python("web", PATIENT, ready=ready[0]), python("worker", PATIENT, ready=ready[1])], home, out=out
    )
    supervisor.start()
    supervisor.wait_ready()
    assert all(child.is_running for child in supervisor.children)
    supervisor.stop()
    assert [child.exit_code for child in supervisor.children] == [0, 0]
    assert out.getvalue() == ""


def test_what_comes_after_another_waits_until_that_is_ready(home: Path) -> None:
    gate = home / "gate"
    first = python("web", PATIENT, ready=gate.exists)
    with Supervisor([first, python("worker", PATIENT, after="web")], home) as supervisor:
        supervisor.start()
        web, worker = supervisor.children
        with pytest.raises(Unavailable, match="web was not ready"):
            supervisor.wait_ready(seconds=0.5)
        assert web.is_running
        assert not worker.has_begun
        gate.touch()
        supervisor.wait_ready()
        assert worker.is_running


def test_the_environment_reaches_the_process(home: Path) -> None:
    code = "import os; print(os.environ['DOVE'], os.environ['PATH'] != '', flush=True)"
    with Supervisor([python("web", code, env={"DOVE": "ada"}, restart=False)], home) as supervisor:
        supervisor.start()
        wait_until(lambda: printed(home, "web", "ada True"))


def test_slow_starts_overlap(home: Path) -> None:
    slow = "import time; time.sleep(0.5); print('here', flush=True); time.sleep(60)"
    names = ["a", "b", "c", "d"]
    processes = [python(name, slow, ready=lambda name=name: printed(home, name, "here")) for name in names]
    with Supervisor(processes, home) as supervisor:
        begin = time.monotonic()
        supervisor.start()
        supervisor.wait_ready()
        assert time.monotonic() - begin < 1.5


def test_a_crashed_process_starts_again_after_a_growing_delay(home: Path) -> None:
    out = io.StringIO()
    code = "import sys; print('here', flush=True); sys.exit(3)"
    with Supervisor([python("worker", code)], home, out=out) as supervisor:
        supervisor.start()
        poll_until(supervisor, lambda: log(home, "worker").count("here") == 3)
    assert "worker | ended with exit code 3; starting it again in 0.5 s" in out.getvalue()
    assert "starting it again in 1 s" in out.getvalue()


def test_a_process_without_restart_is_left_ended(home: Path) -> None:
    out = io.StringIO()
    with Supervisor([python("once", "print('here', flush=True)", restart=False)], home, out=out) as supervisor:
        supervisor.start()
        wait_until(lambda: supervisor.children[0].exit_code is not None)
        supervisor.wait_ready()
        supervisor.poll()
        supervisor.poll()
        assert not supervisor.children[0].is_running
    assert log(home, "once") == "here\n"
    assert out.getvalue() == ""


def test_the_guard_looks_in_and_its_trouble_is_not_hidden(home: Path) -> None:
    def guard() -> None:
        raise Unavailable("The database is gone.")

    with Supervisor([python("web", PATIENT)], home, guard=guard) as supervisor:
        supervisor.start()
        with pytest.raises(Unavailable, match="database is gone"):
            supervisor.poll()


def test_what_a_crashed_process_left_running_is_ended_before_the_restart(home: Path) -> None:
    code = """
        import subprocess, sys, time
        helper = subprocess.Popen(["sleep", "60"])
        print("helper", helper.pid, flush=True)
        sys.exit(1)
    """
    with Supervisor([python("web", code)], home, out=io.StringIO()) as supervisor:
        supervisor.start()
        poll_until(supervisor, lambda: log(home, "web").count("helper") == 2)
        first = int(log(home, "web").split()[1])
        wait_until(lambda: not is_running(first))


def test_a_process_that_does_not_come_up_is_quoted(home: Path) -> None:
    with Supervisor([python("web", "raise SystemExit('no such dovecote')")], home) as supervisor:
        supervisor.start()
        wait_until(lambda: supervisor.children[0].exit_code is not None)
        with pytest.raises(Unavailable, match=r"process web ended with exit code 1(.|\n)*no such dovecote"):
            supervisor.wait_ready()


def test_a_process_that_is_never_ready_is_named(home: Path) -> None:
    with Supervisor([python("web", PATIENT, ready=lambda: False)], home) as supervisor:
        supervisor.start()
        with pytest.raises(Unavailable, match="web was not ready after 0 seconds"):
            supervisor.wait_ready(0.2)


def test_only_serious_lines_are_shown_and_all_are_kept(home: Path) -> None:
    code = r"""
        print("2026-11-21 [info     ] 0 errors, all is well")
        print("2026-11-21 [warning  ] a provider defers")
        print('{"level": "error", "event": "a batch failed"}')
        print("Traceback (most recent call last):\n  File x\n    raise\nValueError: crumbs\nafterwards", flush=True)
    """
    out = io.StringIO()
    with Supervisor([python("worker-1", code, restart=False), python("web", PATIENT)], home, out=out) as supervisor:
        supervisor.start()
        wait_until(lambda: printed(home, "worker-1", "afterwards"))
        supervisor.poll()
    shown = out.getvalue().splitlines()
    assert shown == [
        "worker-1 | 2026-11-21 [warning  ] a provider defers",
        'worker-1 | {"level": "error", "event": "a batch failed"}',
        "worker-1 | Traceback (most recent call last):",
        "worker-1 |   File x",
        "worker-1 |     raise",
        "worker-1 | ValueError: crumbs",
    ]
    assert "all is well" in log(home, "worker-1")


def test_a_long_log_is_set_aside_while_its_process_writes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.logs.LARGEST_LOG", 100)
    code = """
        import time
        print("x" * 200, flush=True)
        while True:
            print("y", flush=True)
            time.sleep(0.05)
    """
    with Supervisor([python("web", code)], home) as supervisor:
        supervisor.start()
        poll_until(supervisor, lambda: (home / "logs/web.log.1").exists() and printed(home, "web", "y"))
        assert "x" not in log(home, "web")


def test_the_stubborn_are_killed_after_their_time(home: Path) -> None:
    out = io.StringIO()
    process = python("web", STUBBORN, stop_seconds=0.3, ready=lambda: printed(home, "web", "here"))
    with Supervisor([process], home, out=out) as supervisor:
        supervisor.start()
        supervisor.wait_ready()
        child = supervisor.children[0]
    assert child.exit_code == -signal.SIGKILL
    assert "did not stop in time" in out.getvalue()


def test_stops_run_backwards_one_kind_at_a_time(home: Path) -> None:
    code = """
        import signal, sys, time
        def leave(*_):
            time.sleep(0.2)
            print("left", time.monotonic(), flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("here", flush=True)
        time.sleep(60)
    """
    names = ["web", "worker-1", "worker-2", "schedule"]
    processes = [python(name, code, ready=lambda name=name: printed(home, name, "here")) for name in names]
    with Supervisor(processes, home) as supervisor:
        supervisor.start()
        supervisor.wait_ready()
    left = {name: float(log(home, name).split()[-1]) for name in names}
    assert left["schedule"] < left["worker-1"] < left["web"]
    assert abs(left["worker-1"] - left["worker-2"]) < 0.15


def test_a_second_one_is_refused_and_told_who_runs(home: Path) -> None:
    with Supervisor([], home) as first:
        first.start()
        with pytest.raises(Conflict, match=f"process {os.getpid()}"):
            Supervisor([], home).claim()
    with Supervisor([], home) as third:
        third.claim()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_ends_cleanly_on_request(home: Path, number: signal.Signals) -> None:
    runner = run(home, "patient")
    runner.send_signal(number)
    said, _ = runner.communicate(timeout=10)
    assert "Stopping." in said
    assert said.endswith("stopped well\n")
    assert not is_locked(home / "children.lock")


def test_a_main_process_that_dies_while_all_come_up_leaves_nobody(home: Path) -> None:
    code = f"""
    import os, signal, subprocess, sys, time
    left = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], close_fds=False)
    print("left", left.pid, flush=True)
    time.sleep(60)
    """
    supervisor = Supervisor([python("web", code, ready=lambda: False)], home)
    supervisor.start()
    wait_until(lambda: printed(home, "web", "here"))
    left = int(log(home, "web").split("left ")[1].split()[0])
    os.kill(supervisor.children[0].pid, signal.SIGKILL)
    with pytest.raises(Unavailable), supervisor:
        supervisor.wait_ready()
    wait_until(lambda: not is_running(left))
    assert not is_locked(home / "children.lock")


def test_second_request_kills(home: Path) -> None:
    runner = run(home, "stubborn")
    assert runner.stdout is not None
    runner.send_signal(signal.SIGINT)
    assert runner.stdout.readline().startswith("Stopping.")
    runner.send_signal(signal.SIGINT)
    runner.communicate(timeout=10)
    assert runner.returncode == 0
    assert not is_locked(home / "children.lock")


def test_children_of_a_killed_supervisor_end_by_themselves(home: Path) -> None:
    runner = run(home, "patient")
    kill(runner)
    wait_until(lambda: not is_locked(home / "children.lock"))


def test_next_start_ends_what_a_killed_supervisor_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.instance._PATIENCE", 0.5)
    runner = run(home, "stubborn")
    kill(runner)
    assert is_locked(home / "children.lock")
    with Supervisor([python("web", PATIENT)], home) as supervisor:
        supervisor.start()
        supervisor.wait_ready()


def printed(home: Path, name: str, text: str) -> bool:
    return text in log(home, name)


def log(home: Path, name: str) -> str:
    file = home / "logs" / f"{name}.log"
    return file.read_text() if file.exists() else ""


def run(home: Path, manners: str) -> subprocess.Popen[str]:
    runner = subprocess.Popen([sys.executable, "-c", RUN, str(home), manners], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    assert runner.stdout.readline() == "all ready\n"
    return runner


def kill(runner: subprocess.Popen[str]) -> None:
    runner.kill()
    runner.communicate()


def is_running(pid: int) -> bool:
    """Not so for one that has ended and only waits to be buried."""
    asked = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False)
    return asked.stdout.strip()[:1] not in ("", "Z")


def poll_until(supervisor: Supervisor, is_so: Callable[[], bool]) -> None:
    def look() -> bool:
        supervisor.poll()
        return is_so()

    wait_until(look)


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    pause = threading.Event()
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, "waited too long"
        pause.wait(0.02)
