"""The world as a process of its own."""

import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import SettingsError
from app.simulator.truth import summarise
from tests.simulator.worlds import config_for, running, wait_for

PROGRAM = """
import sys
from pathlib import Path
from app.simulator.world import WorldConfig, run
run(WorldConfig(smtp_listen=sys.argv[1], page_listen="127.0.0.1:0", truth_path=Path(sys.argv[2]), horizon_hours=0))
"""


def test_a_terminated_process_leaves_a_complete_truth_file(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path / "truth.jsonl"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}", str(path)])
    try:
        wait_for(lambda: _answers(port), 20)
        with smtplib.SMTP("127.0.0.1", port, local_hostname="sender.test", timeout=10) as talk:
            for number in range(20):
                content = f"Message-ID: <{number}@x.test>\r\n\r\nHello\r\n"
                talk.sendmail(f"b{number}@x.test", [f"p{number}@icloud.example.com"], content)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert talk.sock is not None
            assert b"421" in talk.sock.recv(200)
            talk.close()
    finally:
        process.kill()
        process.wait()
    found = summarise(path)
    assert found.accepted + found.hard_bounced + found.deferred + found.refused == 20


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}"),
            running(config_for(page_listen=f"127.0.0.1:{port}")),
        ):
            pass


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
