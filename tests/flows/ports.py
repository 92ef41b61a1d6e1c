"""An installation of its own for a test: a home that every user may walk, and free ports."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def installation() -> Iterator[tuple[Path, dict[str, str]]]:
    """A home and the environment that goes with it."""
    home = Path(tempfile.mkdtemp(prefix="merpati-flow-"))
    home.chmod(0o755)
    web, bounces, smtp, page = free_ports(4)
    own = {
        "MERPATI_HOME": str(home),
        "MERPATI_BASE_URL": f"http://127.0.0.1:{web}",
        "MERPATI_BIND": f"127.0.0.1:{web}",
        "MERPATI_BOUNCE_LISTEN": f"127.0.0.1:{bounces}",
        "MERPATI_CATCHER_LISTEN": f"127.0.0.1:{smtp}",
        "MERPATI_CATCHER_PAGE": f"127.0.0.1:{page}",
        "MERPATI_SMTP_URL": f"smtp://127.0.0.1:{smtp}",
    }
    outside = {
        name: value for name, value in os.environ.items() if not name.startswith(("MERPATI_", "DATABASE_", "REDIS_"))
    }
    try:
        yield home, {**outside, **own}
    finally:
        shutil.rmtree(home, ignore_errors=True)
