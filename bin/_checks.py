"""The steps of bin/test: style, types, the ladder of imports, tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from _setup import PYTHON, ROOT, VENV, fail, install_for_debian, plain_interruption, run, set_up

_SCRIPTS = ["bin/up", "bin/demo", "bin/test", "bin/bench"]
# Side by side, each process with servers of its own; a file's tests stay together and in order.
# One more than there are processors: each waits now and then for its database.
_BESIDE = ["-n", str(min(4, (os.cpu_count() or 2) + 1)), "--dist", "loadfile"]
# After each change a few examples of a property do; the whole check draws all of them.
_FAST = ["-m", "not slow and not long and not browser", "--hypothesis-profile=quick", *_BESIDE]
_TOGETHER = ["-m", "not slow and not browser", *_BESIDE]
# Alone: they measure time, kill processes and drive a browser.
_THE_REST = ["-m", "slow or browser"]
_BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
_MAC_BROWSERS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def run_checks() -> None:
    """Set up, then run every step; stops at the first that fails. The last line on success is pytest's own."""
    with plain_interruption():
        words = sys.argv[1:]
        fast = words[:1] == ["fast"]
        arguments = words[1:] if words[:1] in (["fast"], ["all"]) else words
        set_up("requirements-dev.lock")
        os.chdir(ROOT)
        # Postfix keeps its test programs where an ordinary user's PATH does not look.
        os.environ["PATH"] = os.pathsep.join(
            [str(VENV / "bin"), os.environ.get("PATH", os.defpath), "/usr/local/sbin:/usr/sbin"]
        )
        _need_system_programs(browser=not fast)
        _check("ruff check", [PYTHON, "-m", "ruff", "check", ".", *_SCRIPTS])
        _check("ruff format", [PYTHON, "-m", "ruff", "format", "--check", ".", *_SCRIPTS])
        _check("mypy", [PYTHON, "-m", "mypy"])
        _check("lint-imports", [VENV / "bin" / "lint-imports"])
        print("pytest", flush=True)
        if not fast and not arguments:
            print("first what can run side by side, then those that need the machine for themselves", flush=True)
            done = subprocess.run([str(PYTHON), "-m", "pytest", *_TOGETHER], check=False)
            if done.returncode:
                sys.exit(done.returncode)
            arguments = _THE_REST
        os.execv(PYTHON, [str(PYTHON), "-m", "pytest", *(_FAST if fast else []), *arguments])


def _need_system_programs(*, browser: bool) -> None:
    """Chromium, Postfix's smtp-sink and smtp-source, curl and openssl.

    The tests send real mail, drive a real browser, and run the calls our pages show as they stand there.
    """
    missing = [program for program in ("curl", "openssl") if not shutil.which(program)]
    if not (shutil.which("smtp-sink") and shutil.which("smtp-source")):
        missing.append("postfix")
        _keep_postfix_quiet()
    if browser and not _has_browser():
        missing.append("chromium")
    if missing:
        install_for_debian(missing, f"The tests need {' and '.join(missing)} on this machine.")


def _has_browser() -> bool:
    chosen = os.environ.get("MERPATI_CHROMIUM", "")
    if chosen and not os.access(chosen, os.X_OK):
        fail(f"MERPATI_CHROMIUM names {chosen}, which is not a program.")
    return bool(chosen or any(map(shutil.which, _BROWSERS)) or Path(_MAC_BROWSERS).exists())


def _keep_postfix_quiet() -> None:
    """Without a configuration Debian's package neither asks nor starts; only its two programs are wanted."""
    if os.geteuid() == 0 and shutil.which("debconf-set-selections"):
        answer = "postfix postfix/main_mailer_type select No configuration\n"
        run(["debconf-set-selections"], input=answer)


def _check(name: str, command: list) -> None:
    begin = time.monotonic()
    print(f"{name} …", end=" ", flush=True)
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(f"{time.monotonic() - begin:.1f} s", flush=True)
    if done.returncode:
        fail(f"{done.stdout.rstrip()}\n\n{name} found something to correct; the steps after it were not run.")
