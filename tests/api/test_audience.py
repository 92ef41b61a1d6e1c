"""Lists, people, imports and suppressions through the API."""

import json
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from app.audience.imports.run import run_import
from app.core.database import in_workspace
from tests.api.conftest import Program, problem

CSV = b"Mail,Given,Town\ncara@example.com,Cara,Oslo\nnot an address,Dan,Bergen\ndora@example.com,Dora,Bergen\n"


def test_a_list_is_made_read_and_changed(api: Program) -> None:
    made = api.post("/lists", {"name": "Letters", "description": "Weekly"})
    assert made.status_code == 201
    number = made.json["id"]
    assert made.json["form_url"].startswith("http://localhost/f/")
    assert made.json["created_at"].endswith("+00:00")
    changed = api.patch(f"/lists/{number}", {"description": ""})
    assert changed.json == {**made.json, "description": ""}
    assert api.get(f"/lists/{number}").json == changed.json
    assert problem(api.post("/lists", {"name": "Letters"}), 422)["field"] == "name"
    assert problem(api.patch(f"/lists/{number}", {"name": " "}), 422)["field"] == "name"
    assert problem(api.post("/lists", {}), 422)["field"] == "name"


def test_pages_follow_each_other_by_their_link(api: Program) -> None:
    names = [f"List {number}" for number in range(5)]
    for name in names:
        api.post("/lists", {"name": name})
    seen, path = [], "/lists?limit=2"
    while path:
        answer = api.get(path)
        seen += [row["name"] for row in answer.json]
        link = answer.headers.get("Link", "")
        path = link.partition("/api/v1")[2].partition(">")[0]
    assert seen == names


def test_a_person_is_added_and_then_changed(api: Program, letters: int) -> None:
    person = {"email": "Eve@Example.com", "first_name": "Eve", "attributes": {"town": "Oslo"}, "lists": [letters]}
    made = api.post("/subscribers", person)
    assert made.status_code == 201
    assert made.json["lists"][0]["state"] == "confirmed"
    again = api.post("/subscribers", {"email": "eve@example.com", "last_name": "Dove"})
    assert again.status_code == 200
    assert (again.json["id"], again.json["first_name"], again.json["last_name"]) == (made.json["id"], "Eve", "Dove")
    cleared = api.patch(f"/subscribers/{made.json['id']}", {"first_name": "", "attributes": {"town": None}})
    assert (cleared.json["first_name"], cleared.json["attributes"]) == ("", {})
    assert [row["id"] for row in api.get("/subscribers?email=EVE@example.com").json] == [made.json["id"]]
    assert len(api.get(f"/subscribers?list_id={letters}").json) == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b.test", "lists": [0]}, "lists.0"),
        ({"email": "a@b.test", "lists": [987654321]}, "lists"),
        ({"email": "a@b.test", "state": "unsubscribed"}, "state"),
        ({"email": "a@b.test", "attributes": {"town": [1]}}, "attributes.town"),
        ({"email": "a@b.test", "attributes": []}, "attributes"),
        ({"email": None}, "email"),
    ],
)
def test_a_person_that_cannot_be_taken(api: Program, body: dict[str, Any], field: str) -> None:
    assert problem(api.post("/subscribers", body), 422)["field"] == field
    assert api.get("/subscribers").json == []


def test_who_left_is_not_put_back(api: Program, letters: int) -> None:
    person = api.get("/subscribers?email=ann@example.com").json[0]
    left = api.post(f"/subscribers/{person['id']}/unsubscribe", {"list_id": letters})
    assert left.json["lists"][0]["state"] == "unsubscribed"
    assert api.post(f"/subscribers/{person['id']}/unsubscribe", {"list_id": letters}).status_code == 200
    refused = api.post("/subscribers", {"email": "ann@example.com", "first_name": "New", "lists": [letters]})
    assert "sign-up form" in problem(refused, 409)["detail"]
    assert api.get(f"/subscribers/{person['id']}").json["first_name"] == "ann"


def test_a_person_is_erased_and_stays_away(api: Program, letters: int) -> None:
    person = api.get("/subscribers?email=ann@example.com").json[0]["id"]
    assert api.delete(f"/subscribers/{person}").status_code == 204
    problem(api.get(f"/subscribers/{person}"), 404)
    problem(api.post("/subscribers", {"email": "ann@example.com", "lists": [letters]}), 409)


def upload(api: Program, letters: int, content: bytes = CSV, headers: Any = None, **fields: Any) -> Any:
    form = {"list_id": letters, "consent": "Signed up at the fair", "mapping": json.dumps({"Given": "first_name"})}
    file = (BytesIO(content), "people.csv")
    return api.post("/imports", data={**form, **fields, "file": file}, headers=headers or {})


def test_a_file_is_imported_by_its_mapping(app: Flask, api: Program, workspace_id: int, letters: int) -> None:
    started = upload(api, letters, mapping=json.dumps({"Given": "first_name", "Town": "attribute:home_town"}))
    assert started.status_code == 202, started.text
    number = started.json["id"]
    assert started.json["state"] == "queued"
    with in_workspace(workspace_id):
        run_import(number)
    done = api.get(f"/imports/{number}").json
    assert (done["state"], done["added"], done["invalid"]) == ("finished", 2, 1)
    fault = api.get(f"/imports/{number}/faults").json[0]
    assert "no @" in fault["reason"]
    assert "not an address" in fault["row"]
    cara = api.get("/subscribers?email=cara@example.com").json[0]
    assert (cara["first_name"], cara["attributes"]) == ("Cara", {"home_town": "Oslo"})
    assert [row["id"] for row in api.get("/imports").json] == [number]
    problem(api.post(f"/imports/{number}/cancel"), 409)


def test_an_import_is_cancelled(api: Program, letters: int) -> None:
    number = upload(api, letters).json["id"]
    assert api.post(f"/imports/{number}/cancel").json["state"] == "cancelled"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mapping": "{"}, "mapping"),
        ({"mapping": "[]"}, "mapping"),
        ({"mapping": '{"Given": 5}'}, "mapping"),
        ({"mapping": '{"Nothing": "email"}'}, "mapping"),
        ({"mapping": '{"Mail": "-"}'}, "email"),
        ({"consent": ""}, "consent"),
        ({"list_id": "x"}, "list_id"),
        ({"list_id": 987654321}, "list_id"),
        ({"state": "dead"}, "state"),
        ({"content": b""}, "file"),
    ],
)
def test_an_import_that_cannot_begin_leaves_nothing(
    api: Program, letters: int, fields: dict[str, Any], field: str
) -> None:
    assert problem(upload(api, letters, **fields), 422)["field"] == field
    assert api.get("/imports").json == []


def test_an_import_needs_a_file(api: Program, letters: int) -> None:
    found = problem(api.post("/imports", data={"list_id": letters, "consent": "At the fair"}), 422)
    assert found["field"] == "file"


def test_a_suppression_holds_until_an_owner_lifts_it(api: Program, letters: int) -> None:
    made = api.post("/suppressions", {"email": "Zoe@example.com", "evidence": "Asked by phone"})
    assert made.status_code == 201
    assert made.json["hint"] == "z…@example.com"
    assert api.post("/suppressions", {"email": "zoe@example.com"}).json["id"] == made.json["id"]
    assert [row["id"] for row in api.get("/suppressions?email=ZOE@example.com").json] == [made.json["id"]]
    assert api.get("/suppressions?email=other@example.com").json == []
    problem(api.post("/subscribers", {"email": "zoe@example.com", "lists": [letters]}), 409)
    lifted = api.delete(f"/suppressions/{made.json['id']}")
    assert lifted.json["lifted_at"]
    assert api.get("/suppressions").json == []
    assert api.post("/subscribers", {"email": "zoe@example.com", "lists": [letters]}).status_code == 201
    assert problem(api.post("/suppressions", {"email": "zoe"}), 422)["field"] == "email"
    problem(api.delete("/suppressions/987654321"), 404)


def test_what_a_server_said_hides_the_address_as_well(api: Program, letters: int) -> None:
    words = "550 5.1.1 <zoe.miller@example.com>: zoe.miller unknown; ask postmaster@example.com"
    made = api.post("/suppressions", {"email": "zoe.miller@example.com", "evidence": words}).json
    listed = api.get("/suppressions").json
    lifted = api.delete(f"/suppressions/{made['id']}").json
    for shown in (made, *listed, lifted):
        assert "zoe.miller" not in shown["evidence"]
        assert "550 5.1.1" in shown["evidence"]
        assert "postmaster@example.com" in shown["evidence"], "whom to ask is worth reading"
