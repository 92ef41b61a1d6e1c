"""Pixel and links at the front door: what an inbox gets, and what is written down."""

import time
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.tokens import Keyring, Purpose
from app.messages.links import MessageLinks
from app.tracking.hits import Recorder
from app.tracking.recording import tools_of
from tests.factories.messages import Sent
from tests.tracking.conftest import Stream

FOREIGN = Keyring("the secret key of quite another installation")


def test_an_open_is_a_picture_and_a_hit(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    answer = visitor.get(f"/o/{sent.token}.gif", headers={"User-Agent": "Nest/1.0", "Accept-Language": "id"})
    assert answer.status_code == 200
    assert answer.mimetype == "image/gif"
    assert len(answer.data) == 43
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    (hit,) = stream.hits()
    assert (hit.kind, hit.message_id, hit.agent, hit.network) == ("opened", sent.message.id, "Nest/1.0", "127.0.0.0/24")
    assert hit.hints == {"accept-language": "id"}


def test_a_click_leads_on_and_is_a_hit(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    answer = visitor.get(sent.click_path(2))
    assert (answer.status_code, answer.location) == (302, "https://example.com/2")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers
    (hit,) = stream.hits()
    assert (hit.kind, hit.message_id, hit.link_id, hit.url) == ("clicked", sent.message.id, sent.links[2].id, "")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a?b=c%20d&e=%C3%BC#f",
        "https://example.com/?q=1&utm_source=mail&x=%2F",
        "http://example.com:8080/~ada/;v=1?x=y=z",
    ],
)
def test_the_target_arrives_as_it_was_written(
    visitor: FlaskClient, app: Flask, sent: Sent, stream: Stream, url: str
) -> None:
    sealed = MessageLinks(app.extensions["merpati.keyring"], "http://localhost").seal(0, url)
    assert visitor.get(f"/c/{sent.token}/{sealed}").location == url
    assert stream.hits()[0].url == url


@pytest.mark.parametrize("kind", ["pixel", "click"])
def test_head_is_told_apart(visitor: FlaskClient, sent: Sent, stream: Stream, kind: str) -> None:
    path = f"/o/{sent.token}.gif" if kind == "pixel" else sent.click_path()
    answer = visitor.head(path)
    assert answer.status_code == (200 if kind == "pixel" else 302)
    assert [hit.method for hit in stream.hits()] == ["HEAD"]


def test_options_is_no_hit(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    assert visitor.options(sent.click_path()).status_code == 200
    assert visitor.options(f"/o/{sent.token}.gif").status_code == 200
    assert stream.hits() == []


def bad_tokens(sent: Sent) -> list[str]:
    flipped = "A" if sent.token[5] != "A" else "B"
    return [
        sent.token[:5] + flipped + sent.token[6:],
        sent.token[:-4],
        FOREIGN.sign(Purpose.MESSAGE, sent.message.id),
        "x",
        "%C3%A4",
    ]


def test_a_bad_token_gets_the_picture_and_counts_nothing(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    answers = {visitor.get(f"/o/{token}.gif").data for token in bad_tokens(sent)}
    assert answers == {visitor.get(f"/o/{sent.token}.gif").data}
    assert len(stream.hits()) == 1


def test_a_bad_message_token_costs_the_count_not_the_way(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    target = sent.click_path().rpartition("/")[2]
    for token in bad_tokens(sent):
        assert visitor.get(f"/c/{token}/{target}").location == "https://example.com/0"
    assert stream.hits() == []


def test_no_open_redirect(visitor: FlaskClient, sent: Sent, stream: Stream) -> None:
    target = sent.click_path().rpartition("/")[2]
    foreign = MessageLinks(FOREIGN, "http://localhost").seal(1, "https://phish.example")
    for bad in (foreign, target[:-3], target[:20], "x", target[:18] + "QQQQ" + target[22:]):
        answer = visitor.get(f"/c/{sent.token}/{bad}")
        assert answer.status_code == 404
        assert "Location" not in answer.headers
        assert "copy the whole address" in answer.text
    assert stream.hits() == []


def test_a_test_mail_leads_on_and_counts_nothing(visitor: FlaskClient, app: Flask, sent: Sent, stream: Stream) -> None:
    token = app.extensions["merpati.keyring"].sign(Purpose.MESSAGE, 0)
    target = sent.click_path().rpartition("/")[2]
    assert visitor.get(f"/c/{token}/{target}").location == "https://example.com/0"
    assert visitor.get(f"/o/{token}.gif").status_code == 200
    assert stream.hits() == []


def test_without_both_servers_a_click_leads_on_at_once(
    app_without_database: Flask, sent: Sent, without_queue: Recorder, spool_folder: Path
) -> None:
    tools_of(app_without_database).recorder = without_queue
    inbox, path = app_without_database.test_client(), sent.click_path()
    began = time.perf_counter()
    for _ in range(20):
        assert inbox.get(path).location == "https://example.com/0"
    assert time.perf_counter() - began < 2
    assert sum(len(file.read_bytes().splitlines()) for file in spool_folder.glob("*.hits")) == 20


def test_a_full_disk_on_top_costs_the_count_not_the_way(
    visitor: FlaskClient, sent: Sent, without_queue: Recorder, spool_folder: Path
) -> None:
    spool_folder.write_text("where a directory should be")
    assert visitor.get(sent.click_path()).location == "https://example.com/0"
    assert visitor.get(f"/o/{sent.token}.gif").status_code == 200
