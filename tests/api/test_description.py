"""The description fits the routes, and holds together as OpenAPI 3.1 wants it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import Program

METHODS = {"get", "post", "patch", "delete", "put"}
TYPES = {"string", "integer", "number", "boolean", "object", "array", "null"}


@pytest.fixture
def spec(nobody: Program) -> dict[str, Any]:
    answer = nobody.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


def test_its_frame_is_openapi_3_1(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1.")
    assert spec["info"]["title"]
    assert spec["info"]["version"]
    assert spec["servers"] == [{"url": "http://localhost"}]


def test_every_route_of_the_api_is_in_it_but_the_two_that_show_it(app: Flask, spec: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, method, _ in operations(spec)}
    assert routes - described == {("/api/v1/openapi.json", "get"), ("/api/v1/docs", "get")}
    assert not described - routes


def test_every_operation_asks_for_a_key_and_says_which_role(app: Flask, spec: dict[str, Any]) -> None:
    assert spec["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    for path, method, operation in operations(spec):
        assert operation["security"] == [{"key": []}], (method, path)
        assert operation["x-role"] in ("viewer", "editor", "owner")
        assert (operation["x-role"] == "viewer") == (method == "get"), (method, path)


def test_every_reference_resolves(spec: dict[str, Any]) -> None:
    references = [node["$ref"] for node in nodes(spec) if "$ref" in node]
    assert len(references) > 50
    for reference in references:
        found: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_tag(spec: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len(names) == len(set(names))
    known = {tag["name"] for tag in spec["tags"]}
    for path, method, operation in operations(spec):
        assert re.fullmatch(r"[a-z_]+", operation["operationId"])
        assert operation["summary"], (method, path)
        assert set(operation["tags"]) <= known


def test_parameters_are_those_of_the_path_and_no_name_comes_twice(spec: dict[str, Any]) -> None:
    for path, method, operation in operations(spec):
        given = [p for p in operation.get("parameters", []) if "$ref" not in p]
        assert {p["name"] for p in given if p["in"] == "path"} == set(re.findall(r"{(.+?)}", path)), (method, path)
        assert len({(p["in"], p["name"]) for p in given}) == len(given)
        assert all(p["required"] for p in given if p["in"] == "path")
        assert all(p["schema"] for p in given)


def test_responses_have_descriptions_and_errors_are_problems(spec: dict[str, Any]) -> None:
    for path, method, operation in operations(spec):
        answers = operation["responses"]
        assert any(code.startswith("2") for code in answers), (method, path)
        assert {"401", "403", "422", "429"} <= answers.keys()
        for code, answer in answers.items():
            found = spec["components"]["responses"][code] if "$ref" in answer else answer
            assert found["description"], (method, path, code)
            assert not code.startswith("4") or set(found["content"]) == {"application/problem+json"}


def test_schemas_use_the_words_of_json_schema_2020_12(spec: dict[str, Any]) -> None:
    for name, schema in spec["components"]["schemas"].items():
        for node in nodes(schema):
            assert "nullable" not in node, f"{name}: a word of 3.0"
            kinds = node.get("type")
            if isinstance(kinds, str | list) and "properties" not in str(kinds):
                assert set([kinds] if isinstance(kinds, str) else kinds) <= TYPES or "in" in node, (name, node)


def test_only_calls_that_can_be_repeated_take_an_idempotency_key(spec: dict[str, Any]) -> None:
    repeatable = {
        (method, path)
        for path, method, operation in operations(spec)
        if {"$ref": "#/components/parameters/Idempotency-Key"} in operation.get("parameters", [])
    }
    rooms = ("lists", "subscribers", "imports", "campaigns")
    acts = ("retry", "settle", "correct")
    assert repeatable == {("post", f"/api/v1/{room}") for room in rooms} | {
        ("post", f"/api/v1/campaigns/{{campaign_id}}/{act}") for act in acts
    }


def test_the_host_of_the_caller_does_not_get_into_it(nobody: Program) -> None:
    answer = nobody.get("/openapi.json", headers={"Host": "evil.example.com"})
    assert "evil" not in answer.text


def test_the_page_shows_every_operation(nobody: Program, spec: dict[str, Any]) -> None:
    page = nobody.get("/docs")
    assert page.status_code == 200
    for path, _method, operation in operations(spec):
        assert f'id="{operation["operationId"]}"' in page.text
        assert path in page.text
