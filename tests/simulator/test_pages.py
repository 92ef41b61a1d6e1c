"""The caught-mail pages, as a browser gets them."""

import http.client
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.simulator.worlds import Running, config_for, newsletter, running, send


@pytest.fixture
def catcher() -> Iterator[Running]:
    with running(config_for(quiet=True, keep_mails=120)) as world:
        yield world


def get(world: Running, path: str, method: str = "GET") -> tuple[http.client.HTTPResponse, str]:
    talk = http.client.HTTPConnection(*world.world.page_address, timeout=10)
    try:
        talk.request(method, path)
        answer = talk.getresponse()
        return answer, answer.read().decode()
    finally:
        talk.close()


def test_an_empty_catcher_says_what_to_do(catcher: Running) -> None:
    answer, page = get(catcher, "/")
    assert answer.status == 200
    assert "No mail yet" in page


def test_caught_mails_are_listed_newest_first_and_can_be_searched(catcher: Running) -> None:
    for number, name in enumerate(("ada", "grace", "<b>eve")):
        send(catcher, newsletter("http://s.test", f"p{number}@gmail.example.com", number, subject=f"Hello {name}"))
    _, page = get(catcher, "/")
    assert page.index("Hello &lt;b&gt;eve") < page.index("Hello grace") < page.index("Hello ada")
    assert "<script" not in page
    assert "<b>eve" not in page
    _, found = get(catcher, "/?q=GRACE")
    assert "Hello grace" in found
    assert "Hello ada" not in found
    _, nothing = get(catcher, "/?q=%3Cscript%3E")
    assert "&lt;script&gt;" in nothing
    assert "<script" not in nothing


def test_the_list_turns_pages_and_forgets_the_oldest(catcher: Running) -> None:
    with catcher.client() as talk:
        for number in range(130):
            talk.sendmail("a@x.test", ["p@y.test"], f"Subject: mail {number}\r\n\r\n".encode())
    seen, path = [], "/"
    while path:
        _, page = get(catcher, path)
        seen += [part.partition("<")[0] for part in page.split(">mail ")[1:]]
        path = page.partition('<a href="/?before=')[2].partition('"')[0]
        path = f"/?before={path}" if path else ""
    assert seen == [str(number) for number in range(129, 9, -1)]
    assert get(catcher, "/mail/1")[0].status == 404
    assert get(catcher, "/mail/130")[0].status == 200


def test_a_mail_is_shown_whole_and_can_do_no_harm(catcher: Running) -> None:
    site = "http://127.0.0.1:8025"
    mail = newsletter(
        site, "ada@gmail.example.com", 1, html="<script>alert(1)</script><a href='http://s.test/x'>Hi</a>"
    )
    send(catcher, mail)
    answer, page = get(catcher, "/mail/1")
    assert answer.status == 200
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert '<iframe sandbox title="HTML of the mail" src="/mail/1/html">' in page
    assert '<a href="http://s.test/x"' in page
    assert "Hello, plain readers." in page
    assert "List-Unsubscribe-Post" in page
    assert "alert(1)" not in page
    answer, html = get(catcher, "/mail/1/html")
    assert "<script>alert(1)</script>" in html
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    answer, raw = get(catcher, "/mail/1/raw")
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert raw.startswith("From: Ada")


def test_a_mail_with_strange_parts_is_shown_all_the_same(catcher: Running) -> None:
    strange = b"Subject: =?x-none?q?a?=\r\nContent-Type: text/html; charset=x-none\r\n\r\n<p>caf\xe9</p>\r\n"
    with catcher.client() as talk:
        talk.sendmail("", ["p@y.test"], strange)
        talk.sendmail("", ["p@y.test"], b"\r\n")
    for path in ("/", "/mail/1", "/mail/1/html", "/mail/2", "/mail/2/html"):
        assert get(catcher, path)[0].status == 200


def test_pages_only_show(catcher: Running) -> None:
    assert get(catcher, "/", "POST")[0].status == 405
    answer, body = get(catcher, "/", "HEAD")
    assert answer.status == 200
    assert body == ""
    for path in ("/nowhere", "/mail/x", "/mail/99999999999999999999", "/mail/7/else", "//", "/%00"):
        assert get(catcher, path)[0].status in (200, 404)
    assert get(catcher, "/style.css")[0].headers["Content-Type"].startswith("text/css")


def test_the_state_is_told_to_programs(catcher: Running) -> None:
    mail = EmailMessage()
    mail["To"] = "ada@gmail.example.com"
    mail["Message-ID"] = "<m@x.test>"
    send(catcher, mail)
    _, body = get(catcher, "/status")
    state = json.loads(body)
    assert state["received"] == 1
    assert state["done"] is True
    assert state["pending_actions"] == 0


def test_a_catcher_can_write_down_what_it_took(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with running(config_for(quiet=True, truth_path=path)) as world:
        send(world, newsletter("http://s.test", "ada@gmail.example.com", 1))
    assert '"kind": "accepted"' in path.read_text()
