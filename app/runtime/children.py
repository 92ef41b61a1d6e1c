"""Child processes that do not outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from app.runtime.places import ServerUser

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

CHILDREN_END_WITH_US = _prctl is not None
"""Whether the kernel ends our children when we are killed; elsewhere the next start adopts or ends them."""

SERVER_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""All that the embedded servers see of the environment: a stray PGOPTIONS must not reach them."""


def spawn(
    argv: Sequence[str],
    *,
    output: IO[bytes],
    death_signal: signal.Signals,
    user: ServerUser | None = None,
    directory: Path | None = None,
    env: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C in the terminal reaches only us.

    On Linux it gets `death_signal` when the calling *thread* ends: call this from one that lives as long as the child
    should.
    """
    parent = os.getpid()

    def before_exec() -> None:
        # After setuid, which would clear it. The second look catches a parent that died before the call.
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    with warnings.catch_warnings():
        # Newer Pythons warn of forking beside threads; between fork and exec we only make the two calls above.
        warnings.simplefilter("ignore", DeprecationWarning)
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=env,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            start_new_session=True,
            pass_fds=keep_open,
            preexec_fn=before_exec,
        )


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists, ours or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
