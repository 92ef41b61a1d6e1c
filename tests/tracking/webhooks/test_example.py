"""The calls that the page of a webhook shows, run as they stand there."""

import html
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.models import Workspace
from app.core.extensions import settings
from app.tracking.webhooks.example import YOURS
from tests.tracking.webhooks.conftest import take_in


class _Passing(BaseHTTPRequestHandler):
    """Hands a call over to the installation under test."""

    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, dict(self.headers), body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"heard")

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@pytest.fixture
def passing() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), _Passing)
    server.calls = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("language", ["shell", "python"])
def test_the_call_on_the_page_works_as_it_stands(
    workspace: Workspace, as_ada: FlaskClient, visitor: FlaskClient, passing: Any, language: str
) -> None:
    page = as_ada.post(f"/w/{workspace.slug}/settings/webhooks", data={"kind": "generic"}, follow_redirects=True).text
    program = _shown(page, f"example-{language}").replace(YOURS, _shown(page, "secret-made"))
    there = settings().url("/hooks/")
    assert there in program
    here = program.replace(there, f"http://127.0.0.1:{passing.server_address[1]}/hooks/")
    command = ["sh", "-c", here] if language == "shell" else [sys.executable, "-c", here]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "heard"), ran.stderr
    answer = _handed_over(visitor, passing.calls)
    assert (answer.status_code, answer.text) == (200, "Stored 1 of 1.\n")
    assert take_in() == 1


def test_the_page_says_one_thing_about_the_secret(workspace: Workspace, as_ada: FlaskClient) -> None:
    made = as_ada.post(f"/w/{workspace.slug}/settings/webhooks", data={"kind": "generic"}, follow_redirects=True).text
    assert ("Copy the secret now" in made, "It was shown once" in made) == (True, False)
    number = re.findall(r"/settings/webhooks/(\d+)/rotate", made)[0]
    later = as_ada.get(f"/w/{workspace.slug}/settings/webhooks/{number}").text
    assert ("Copy the secret now" in later, "It was shown once" in later) == (False, True)
    assert "docs/" not in made + later


def _shown(page: str, name: str) -> str:
    [text] = re.findall(rf'<pre id="{name}"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return html.unescape(text)


def _handed_over(visitor: FlaskClient, calls: list[tuple[str, dict[str, str], bytes]]) -> TestResponse:
    [(path, headers, body)] = calls
    kept = {name: value for name, value in headers.items() if name.lower().startswith(("x-merpati", "content-type"))}
    return visitor.post(path, data=body, headers=kept)


def test_the_page_names_every_field_of_the_format(workspace: Workspace, as_ada: FlaskClient) -> None:
    as_ada.post(f"/w/{workspace.slug}/settings/webhooks", data={"kind": "generic"})
    [address] = re.findall(
        r'href="(/w/[^"]+/settings/webhooks/\d+)"', as_ada.get(f"/w/{workspace.slug}/settings/webhooks").text
    )
    named = set(re.findall(r"\w+", " ".join(re.findall(r"<dt>(.*?)</dt>", as_ada.get(address).text))))
    told = re.search(r"\| Field \|.*?\n\n", Path("docs/webhooks.md").read_text(), re.DOTALL)
    assert told
    fields = {name for row in re.findall(r"(?m)^\| (`.*?) \|", told[0]) for name in re.findall(r"`(\w+)`", row)}
    assert fields >= {"type", "stage", "feedback_type"}
    assert fields - named == set()
