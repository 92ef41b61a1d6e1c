"""Worker processes for crash tests. The imports are done once; each worker is a fork that knows nothing of the others.

A line on stdin, `{"campaign": …, settings…}`, starts one; its process id comes back.
"""

import json
import os
import signal
import sys
from typing import Any

from app.core.settings import load_settings
from app.factory import create_app
from app.sending.engine import request_stop, run_slice


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if (pid := os.fork()) == 0:
            sys.stdin.close()
            work(order.pop("campaign"), order)
            os._exit(0)
        print(pid, flush=True)


def work(campaign_id: int, changes: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: request_stop())
    app = create_app(load_settings().model_copy(update=changes), web=False)
    with app.app_context():
        result = run_slice(campaign_id)
        while result.has_more and result.outcome != "stopped":
            result = run_slice(campaign_id)


if __name__ == "__main__":
    main()
