"""Walks through every route: as a stranger, with too small a role, and with a database that takes no writing.

A new route is walked by itself. When its address has a part of a new name, `tests/factories/estate.py` says what to
put there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.accounts.keys import create_key
from app.accounts.models import Role, User, Workspace
from app.accounts.setup import add_member, create_user, create_workspace
from app.core.database import db, in_workspace
from app.core.jobs import QUEUES
from tests.conftest import sign_in
from tests.factories.estate import Estate, furnish

READING = ("GET", "HEAD")
LETTERS = {"campaigns.preview_frame", "templates.frame", "templates.starter_frame", "pages.view"}
"""What is answered here is a newsletter, styles within, alone in a sandbox."""

HITS = {"tracking.pixel", "tracking.click"}
"""A picture and a redirect, answered before the application: there is no page."""

EMPTY = {"imports.faults"}
"""There is nothing here as long as an import has not found a fault."""


@dataclass(frozen=True)
class Call:
    """One method of one route."""

    rule: Rule
    method: str
    endpoint: str
    access: str

    @property
    def names(self) -> set[str]:
        return set(self.rule.arguments) - {"ws"}

    def path(self, estate: Estate, **changes: object) -> str:
        """The address, with what stands in this estate."""
        room = self.endpoint.partition(".")[0]
        given = estate.tokens.get(self.endpoint) or estate.tokens.get(room) or {}
        known = {**estate.ids, **given, **changes}
        adapter = self.rule.map.bind("localhost") if self.rule.map else None
        assert adapter is not None
        return adapter.build(self.endpoint, {name: known[name] for name in self.rule.arguments}, method=self.method)

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def calls(app: Flask) -> Iterator[Call]:
    """Every method of every route."""
    for rule in app.url_map.iter_rules():
        access = getattr(app.view_functions[rule.endpoint], "access", "")
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield Call(rule, method, rule.endpoint, access)


@pytest.fixture
def theirs(workspace: Workspace) -> Estate:
    """Somebody's workspace, with one of everything."""
    return furnish(workspace)


@pytest.fixture
def ours(context: None) -> Estate:
    """Another one, with the same."""
    return furnish(create_workspace(f"Ours {token_hex(4)}"))


def test_a_stranger_finds_no_workspace(app: Flask, theirs: Estate, ours: Estate) -> None:
    browser, before = sign_in(app, ours.owner), _contents(theirs)
    walked = [call for call in calls(app) if call.access.startswith("member:")]
    assert len(walked) > 100
    found = {str(call): _ask(browser, call, call.path(theirs)).status_code for call in walked}
    assert {call: status for call, status in found.items() if status != 404} == {}
    assert _contents(theirs) == before


def test_a_stranger_finds_nothing_by_its_number(app: Flask, theirs: Estate, ours: Estate) -> None:
    """In the own workspace, with the numbers of another one's rows."""
    browser, before = sign_in(app, ours.owner), _contents(theirs)
    walked = [call for call in calls(app) if call.access.startswith("member:") and call.names - {"slug"}]
    assert len(walked) > 50
    found = {str(call): _ask(browser, call, call.path(theirs, ws=ours.workspace.slug)).status_code for call in walked}
    assert {call: status for call, status in found.items() if status != 404} == {}
    assert _contents(theirs) == before


def test_a_strangers_program_finds_nothing_by_its_number(app: Flask, theirs: Estate, ours: Estate) -> None:
    browser, before = app.test_client(), _contents(theirs)
    key = _key(ours, Role.OWNER)
    walked = [call for call in calls(app) if call.access.startswith("program:") and call.names]
    assert len(walked) > 15
    found = {str(call): _call(browser, call, call.path(theirs), key).status_code for call in walked}
    assert {call: status for call, status in found.items() if status != 404} == {}
    assert _contents(theirs) == before


@pytest.mark.parametrize("held", [Role.VIEWER, Role.EDITOR])
def test_a_small_role_does_not_do_what_needs_a_larger_one(app: Flask, ours: Estate, held: Role) -> None:
    browser, before = sign_in(app, _member(ours.workspace, held)), _contents(ours)
    walked = [
        call
        for call in calls(app)
        if call.access.startswith("member:") and not held.includes(Role(call.access.removeprefix("member:")))
    ]
    assert walked
    found = {str(call): _ask(browser, call, call.path(ours)).status_code for call in walked}
    assert {call: status for call, status in found.items() if status != 403} == {}
    assert _contents(ours) == before


@pytest.mark.parametrize("held", [Role.VIEWER, Role.EDITOR])
def test_a_small_key_does_not_do_what_needs_a_larger_one(app: Flask, ours: Estate, held: Role) -> None:
    browser, key, before = app.test_client(), _key(ours, held), _contents(ours)
    walked = [
        call
        for call in calls(app)
        if call.access.startswith("program:") and not held.includes(Role(call.access.removeprefix("program:")))
    ]
    assert walked
    found = {str(call): _call(browser, call, call.path(ours), key).status_code for call in walked}
    assert {call: status for call, status in found.items() if status != 403} == {}
    assert _contents(ours) == before


def test_nobody_gets_in_without_signing_in(app: Flask, ours: Estate) -> None:
    browser, before = app.test_client(), _contents(ours)
    for call in calls(app):
        if call.access.startswith(("member:", "signed-in")):
            answer = _ask(browser, call, call.path(ours))
            assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/sign-in"), call
        elif call.access.startswith("program:"):
            assert _call(browser, call, call.path(ours), "mpt_made_up").status_code == 401, call
    assert _contents(ours) == before


@pytest.mark.long
def test_reading_works_on_a_database_that_takes_no_writing(
    app: Flask, read_only: None, estate_and_clients: "tuple[Estate, FlaskClient, FlaskClient, str]"
) -> None:
    """GET and HEAD change nothing: scanners, prefetchers and previews follow links."""
    estate, owner, visitor, key = estate_and_clients
    waiting = _jobs_waiting(app)
    failed = {}
    for call in calls(app):
        if call.method not in READING:
            continue
        path = call.path(estate)
        if call.access.startswith("program:"):
            answer = _call(visitor, call, path, key)
        else:
            answer = _ask(owner if call.access.startswith("member:") else visitor, call, path)
        if answer.status_code not in (200, 302, 409) and call.endpoint not in EMPTY:
            failed[str(call)] = answer.status_code
    assert failed == {}
    assert _jobs_waiting(app) == waiting


def test_pages_have_nothing_inline_and_a_policy_that_allows_nothing_inline(app: Flask, ours: Estate) -> None:
    owner, visitor = sign_in(app, ours.owner), app.test_client()
    faults = []
    for call in calls(app):
        if call.method != "GET" or call.access.startswith("program:") or call.endpoint in LETTERS | HITS:
            continue
        answer = _ask(owner if call.access.startswith("member:") else visitor, call, call.path(ours))
        policy = answer.headers.get("Content-Security-Policy", "")
        if "default-src 'none'" not in policy or "unsafe" in policy:
            faults.append(f"{call}: {policy or 'no policy'}")
        if answer.mimetype == "text/html" and answer.text:
            faults += [f"{call}: {fault}" for fault in _inline(answer.text)]
    assert faults == []


def test_pages_for_subscribers_have_no_script(app: Flask, ours: Estate) -> None:
    visitor = app.test_client()
    rooms = {"tracking", "pages", "sign_up"}
    walked = [call for call in calls(app) if call.method == "GET" and call.endpoint.partition(".")[0] in rooms]
    assert len(walked) >= 6
    for call in walked:
        assert b"<script" not in _ask(visitor, call, call.path(ours)).data.lower(), call
    assert b"<script" not in visitor.get("/nowhere").data.lower()


def test_letters_are_shown_alone_in_a_sandbox(app: Flask, ours: Estate) -> None:
    owner = sign_in(app, ours.owner)
    shown = {call.endpoint: _ask(owner, call, call.path(ours)) for call in calls(app) if call.endpoint in LETTERS}
    assert set(shown) == LETTERS
    for endpoint, answer in shown.items():
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, endpoint
        assert "script-src" not in policy or "script-src 'none'" in policy, endpoint
        assert "sandbox" in policy, endpoint


@pytest.fixture
def estate_and_clients(app: Flask, ours: Estate) -> tuple[Estate, FlaskClient, FlaskClient, str]:
    """An estate, its owner's browser, a visitor's, and a key that was used a moment ago."""
    visitor, key = app.test_client(), _key(ours, Role.OWNER)
    assert visitor.get("/api/v1/lists", headers=_bearer(key)).status_code == 200
    return ours, sign_in(app, ours.owner), visitor, key


@pytest.fixture
def read_only(
    app: Flask,
    servers: tuple[str, str],
    database_url: str,
    estate_and_clients: tuple[Estate, FlaskClient, FlaskClient, str],
) -> Iterator[None]:
    """From here on, PostgreSQL itself refuses every change."""
    name = re.search(r"/(test_\w+)\?", database_url)
    assert name

    def alter(what: str) -> None:
        with psycopg.connect(servers[0], autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name[1]} {what}")  # type: ignore[call-overload]
        db.session.rollback()
        db.engine.dispose()

    alter("SET default_transaction_read_only = on")
    yield
    alter("RESET default_transaction_read_only")


def _ask(browser: FlaskClient, call: Call, path: str) -> TestResponse:
    return browser.open(path, method=call.method, headers={"Accept": "text/html"})


def _call(browser: FlaskClient, call: Call, path: str, key: str) -> TestResponse:
    body = None if call.method in READING else BODIES.get(call.endpoint, {})
    return browser.open(path, method=call.method, headers=_bearer(key), json=body)


BODIES: dict[str, dict[str, object]] = {
    "api.campaigns.test": {"email": "ada@example.com"},
}
"""What a call needs to be looked at; others take an empty body."""


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _key(estate: Estate, role: Role) -> str:
    with in_workspace(estate.workspace.id):
        key = create_key("walk", role)
        db.session.commit()
    return key


def _member(workspace: Workspace, role: Role) -> User:
    user = create_user(f"{role}-{token_hex(4)}@example.com")
    add_member(workspace, user, role)
    db.session.commit()
    return user


def _contents(estate: Estate) -> dict[str, str]:
    """What every table holds of a workspace, boiled down; without the moment a key was last used."""
    tables = db.session.scalars(
        text(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id' "
            "AND table_schema = 'public' AND table_name NOT SIMILAR TO '(attempts|events)_%'"
        )
    ).all()
    found = {}
    for table in tables:
        row = "to_jsonb(t) - 'last_used_at'"
        query = (
            f"SELECT count(*) || md5(coalesce(string_agg(({row})::text, '' ORDER BY ({row})::text), '')) FROM {table} t"  # noqa: S608
        )
        found[table] = db.session.scalar(text(f"{query} WHERE workspace_id = :id"), {"id": estate.workspace.id})
    db.session.commit()
    assert len(found) > 15
    return found


def _jobs_waiting(app: Flask) -> int:
    connection = app.extensions["merpati.queue"]
    return sum(Queue(name, connection=connection, serializer=JSONSerializer).count for name in QUEUES)


def _inline(page: str) -> Iterator[str]:
    for element in html.document_fromstring(page).iter("*"):
        is_data = element.get("type") in ("application/json",)
        if element.tag == "style" or (element.tag == "script" and not element.get("src") and not is_data):
            yield f"<{element.tag}> within the page"
        for name, value in element.attrib.items():
            if name == "style" or name.startswith("on") or str(value).strip().lower().startswith("javascript:"):
                yield f"<{element.tag} {name}={value!r}>"
