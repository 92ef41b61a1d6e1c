"""The rules of the house that a reader would otherwise have to remember."""

import ast
import importlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from sqlalchemy import JSON

from app.core.database import Base, WorkspaceOwned, db
from app.core.jobs import QUEUES, Job
from app.core.settings import Settings
from app.web import BLUEPRINTS

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "workers").rglob("*.py")])
TEMPLATES = sorted((ROOT / "app" / "templates").rglob("*.html"))
LONGEST = 350

NOT_OURS = {"static", "security.login", "security.logout"}
"""Routes of Flask and Flask-Security, which say by themselves who may call them."""

WITHOUT_SESSION = {"app.api.views", "app.audience.public", "app.tracking.pages", "app.tracking.webhooks.door"}
"""Their calls carry a key or a signed token instead of a session, so there is nothing for another site to ride on."""

ENVIRONMENT = {
    "app/core/settings.py": "reads it",
    "app/shell/context.py": "hands the embedded servers' addresses to child processes",
    "app/demo/run.py": "gives the demonstration's processes a home of their own",
}

SLEEPERS = {
    "app/demo/run.py": "waits for pages of processes it started",
    "app/demo/world.py": "looks at a counter now and then",
    "app/shell/campaigns.py": "follows a campaign on the terminal",
}
"""Commands that a person watches. Pages and jobs never sleep."""

KEYLESS = {"messages", "attempts", "events"}
"""The ledger's tables, where checking a foreign key a million times costs too much."""

IN_A_SANDBOX = {"app/templates/content/preview_problem.html"}
"""Stands in a newsletter's frame, whose policy allows its styles and nothing else."""


def test_every_route_says_who_may_call_it(app: Flask) -> None:
    silent = {
        rule.endpoint for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], "access")
    }
    assert silent == NOT_OURS


def test_access_fits_the_address(app: Flask) -> None:
    """Pages of a workspace ask for a member, calls of programs for a key; the rest is public on purpose."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in NOT_OURS:
            continue
        access = app.view_functions[rule.endpoint].access  # type: ignore[attr-defined]
        if rule.rule.startswith("/w/"):
            assert access.startswith("member:"), rule
            assert "ws" in rule.arguments, rule
        elif rule.rule.startswith("/api/") and rule.endpoint not in ("api.openapi", "api.docs"):
            assert access.startswith("program:"), rule
        else:
            assert access in ("public", "signed-in"), rule


def test_what_needs_no_form_token_is_listed() -> None:
    exempt = {name for name in BLUEPRINTS if getattr(importlib.import_module(name), "csrf_exempt", False)}
    assert exempt == WITHOUT_SESSION


def test_every_change_by_a_page_needs_its_forms_token(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    browser, walked = app.test_client(), 0
    exempt = ("api", *(importlib.import_module(name).bp.name for name in WITHOUT_SESSION))
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if rule.endpoint.partition(".")[0] in exempt:
            continue
        path = re.sub(r"<int:\w+>", "1", rule.rule)
        path = re.sub(r"<[\w:]+>", "x", path)
        for method in methods:
            walked += 1
            answer = browser.open(path, method=method)
            if rule.endpoint == "security.login":
                assert "CSRF" in answer.text or answer.status_code == 400
            else:
                assert (answer.status_code, "did not come from here" in answer.text) == (400, True), (method, path)
    assert walked > 50


def test_every_job_is_a_function_on_a_queue_that_is_watched() -> None:
    for job in Job:
        module, _, name = job.path.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), job
        assert job.queue in QUEUES, job
        assert 0 < job.timeout <= 24 * 3600, job
    assert len({job.path for job in Job}) == len(Job)
    assert {job.queue for job in Job} == set(QUEUES)


def test_there_is_one_migration_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("path_separator", "os")
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_migrations_make_exactly_the_models(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        options = {"include_object": _is_compared, "compare_type": True, "compare_server_default": True}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), db.metadata)
    assert found == []


def test_every_tenants_row_names_its_workspace_and_ends_with_it() -> None:
    for mapper in Base.registry.mappers:
        if issubclass(mapper.class_, WorkspaceOwned) and mapper.local_table.metadata is db.metadata:
            column = mapper.local_table.c.workspace_id
            assert not column.nullable, mapper.class_
            if mapper.local_table.name not in KEYLESS:
                assert [key.ondelete for key in column.foreign_keys] == ["CASCADE"], mapper.class_


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_only_the_settings_read_the_environment() -> None:
    found = {_name(path) for path in SOURCES if _uses(path, "os", ("environ", "getenv", "environb"))}
    assert {name for name in found if not name.startswith("app/runtime/")} == set(ENVIRONMENT)


def test_nothing_sleeps_to_hide_a_race() -> None:
    found = {_name(path) for path in SOURCES if _uses(path, "time", ("sleep",))}
    assert {name for name in found if not name.startswith(("app/runtime/", "app/simulator/"))} == set(SLEEPERS)


def test_no_file_needs_a_table_of_contents() -> None:
    assert [_name(path) for path in SOURCES if len(path.read_text().splitlines()) > LONGEST] == []


def test_the_ladder_holds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename="pyproject.toml", no_logo=True, cache_dir=None)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_a_template_trusts_only_with_a_reason() -> None:
    """`| safe` and `autoescape false` stand under or beside a comment that says why."""
    faults = []
    for path in TEMPLATES:
        lines = ["", *path.read_text().splitlines()]
        for number, (before, line) in enumerate(pairwise(lines), 1):
            if re.search(r"\|\s*safe\b|autoescape\s+false", line) and "{#" not in before + line:
                faults.append(f"{_name(path)}:{number}")
    assert faults == []


def test_a_template_has_nothing_inline() -> None:
    faults = []
    for path in TEMPLATES:
        source = path.read_text()
        found = re.findall(r"<[^>{}]*\s(?:style|on[a-z]+)\s*=[^>]*>", source)
        found += [tag for tag in re.findall(r"<script\b[^>]*>", source) if not re.search(r"src=|application/json", tag)]
        found += re.findall(r"<style\b[^>]*>", source)
        faults += [f"{_name(path)}: {tag}" for tag in found if _name(path) not in IN_A_SANDBOX]
    assert faults == []


def test_a_page_for_subscribers_ships_no_script() -> None:
    found = [_name(path) for path in _public() if re.search(r"<script|\.js\b", path.read_text())]
    assert found == []
    assert len(_public()) > 5


def test_a_form_that_posts_carries_its_token() -> None:
    """Except on pages for subscribers, where the token in the address is the permission."""
    faults = []
    for path in set(TEMPLATES) - _public():
        forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", path.read_text(), re.DOTALL)
        faults += [f"{_name(path)}: {form[:80]}" for form in forms if not re.search(r"csrf|hidden_tag", form)]
    assert faults == []


def _public() -> set[Path]:
    """`public.html` and whatever extends it, at any remove."""
    parents = {path: re.search(r'{%-? extends "([^"]+)"', path.read_text()) for path in TEMPLATES}
    found = {path for path in TEMPLATES if path.name == "public.html"}
    while more := {path for path, parent in parents.items() if parent and _template(parent[1]) in found} - found:
        found |= more
    return found


def _template(name: str) -> Path:
    return ROOT / "app" / "templates" / name


def _is_compared(item: Any, name: str | None, kind: str, *_: object) -> bool:
    """Not the monthly partitions, and no column of JSON: Alembic compares defaults by `=`, which only JSONB has."""
    if kind == "table":
        return name != "alembic_version" and not (name or "").startswith(("attempts_", "events_"))
    return not (kind == "column" and type(item.type) is JSON)


def _uses(path: Path, module: str, names: tuple[str, ...]) -> bool:
    return any(node in names for node in _attributes(ast.parse(path.read_text()), module))


def _attributes(tree: ast.AST, module: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (name.name for name in node.names)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
