"""A call with an Idempotency-Key is carried out once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core import clock
from tests.api.conftest import Program, problem
from tests.api.test_audience import CSV, upload

KEY = {"Idempotency-Key": "a-key-of-our-own"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/lists", {"name": "Letters"}),
        ("/subscribers", {"email": "ann@example.com"}),
        ("/campaigns", {"name": "Spring", "starter": "newsletter"}),
    ],
)
def test_the_same_call_again_gives_the_same_answer(api: Program, path: str, body: dict[str, Any]) -> None:
    first, again = (api.post(path, body, headers=KEY) for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.get(path).json) == 1


def test_a_file_again_is_one_import(api: Program, letters: int) -> None:
    # The boundary of the form differs from call to call; what it holds does not.
    first, again = (upload(api, letters, headers=KEY) for _ in range(2))
    assert first.json == again.json
    assert len(api.get("/imports").json) == 1
    problem(upload(api, letters, CSV + b"emil@example.com,Emil,Oslo\n", headers=KEY), 409)


def test_another_body_with_the_same_key_is_refused(api: Program) -> None:
    api.post("/lists", {"name": "Letters"}, headers=KEY)
    assert "key of its own" in problem(api.post("/lists", {"name": "Notes"}, headers=KEY), 409)["detail"]
    problem(api.post("/campaigns", {"name": "Letters"}, headers=KEY), 409)
    assert [row["name"] for row in api.get("/lists").json] == ["Letters"]


def test_a_refused_call_leaves_its_key_free(api: Program) -> None:
    problem(api.post("/lists", {"name": ""}, headers=KEY), 422)
    problem(api.post("/campaigns", {"name": "x", "lists": [987654321]}, headers=KEY), 422)
    assert api.post("/lists", {"name": "Letters"}, headers=KEY).status_code == 201


def test_keys_of_workspaces_are_apart(api: Program, stranger: Program) -> None:
    first, other = (program.post("/lists", {"name": "Letters"}, headers=KEY) for program in (api, stranger))
    assert first.json["id"] != other.json["id"]


def test_a_key_is_free_again_after_a_day(api: Program) -> None:
    api.post("/lists", {"name": "Letters"}, headers=KEY)
    with clock.moved(timedelta(hours=25)):
        assert api.post("/lists", {"name": "Notes"}, headers=KEY).status_code == 201


@pytest.mark.parametrize("given", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(api: Program, given: str) -> None:
    assert problem(api.post("/lists", {"name": "Letters"}, headers={"Idempotency-Key": given}), 422)
    assert api.get("/lists").json == []


def test_of_many_at_once_one_is_carried_out(app: Flask, api: Program, key: str) -> None:
    answers: list[Any] = []

    def call() -> None:
        with app.app_context():
            answers.append(Program(app, key).post("/subscribers", {"email": "ann@example.com"}, headers=KEY))

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
