"""Forms that came torn: every form of the product posted empty, and with one field missing, is answered in words."""

import re
from dataclasses import dataclass
from secrets import token_hex

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from tests.conftest import sign_in
from tests.factories.estate import Estate, furnish
from tests.test_walks import Call, calls

pytestmark = pytest.mark.long

NAME = "robin"


@dataclass(frozen=True)
class Form:
    """A form as a page shows it: where it goes, and what a browser would send if nobody touched it."""

    action: str
    fields: tuple[tuple[str, str], ...]


@pytest.fixture
def estate(workspace: Workspace) -> Estate:
    return furnish(workspace)


def test_every_call_answers_an_empty_body(app: Flask, context: None) -> None:
    """Each in a workspace where nothing was done before."""
    failed = {}
    walked = [call for call in calls(app) if call.method in ("POST", "PUT", "PATCH", "DELETE")]
    assert len(walked) > 80
    for call in walked:
        if call.access.startswith("program:"):
            continue
        estate = furnish(create_workspace(f"Torn {token_hex(4)}"))
        browser = sign_in(app, estate.owner) if call.access.startswith(("member:", "signed-in")) else app.test_client()
        status = browser.open(call.path(estate), method=call.method, data={}).status_code
        if status == 500:
            failed[str(call)] = status
    assert failed == {}


def test_every_form_answers_when_one_field_is_missing(app: Flask, estate: Estate) -> None:
    browser = sign_in(app, estate.owner)
    forms = _forms(app, browser, estate)
    assert len(forms) > 30
    assert sum(len(form.fields) for form in forms) > 120
    # Forms with many fields first: those with none are buttons, many of which remove what the others need.
    failed = {}
    for form in sorted(forms, key=lambda form: -len(form.fields)):
        for name in sorted({name for name, _ in form.fields}):
            # A name of its own each time: nothing is refused because it is there already.
            rest = [(other, value.replace(NAME, NAME + token_hex(3))) for other, value in form.fields if other != name]
            status = browser.post(form.action, data=_grouped(rest)).status_code
            if status == 500:
                failed[f"{re.sub(r'[0-9]+', 'N', form.action)} without {name}"] = status
    assert failed == {}


def _forms(app: Flask, browser: FlaskClient, estate: Estate) -> set[Form]:
    pages = [call for call in calls(app) if call.method == "GET" and call.access.startswith(("member:", "public"))]
    return {form for call in pages for form in _forms_of(browser, call, estate)}


def _forms_of(browser: FlaskClient, call: Call, estate: Estate) -> list[Form]:
    answer = browser.get(call.path(estate))
    if answer.mimetype != "text/html" or answer.status_code != 200 or not answer.data:
        return []
    page = html.fromstring(answer.data)
    return [
        Form(form.get("action") or call.path(estate), _filled(form))
        for form in page.forms
        if (form.get("method") or "").lower() == "post"
    ]


def _filled(form: html.FormElement) -> tuple[tuple[str, str], ...]:
    """What stands in the form, and something plain where nothing does."""
    given = [(name, str(value)) for name, value in form.form_values()]
    named = {name for name, _ in given}
    empty = [
        (field.get("name"), "")
        for field in form.inputs
        if field.get("name")
        and field.get("name") not in named
        and field.get("type") not in ("file", "checkbox", "radio")
    ]
    plain = {"email": f"{NAME}@example.com", "text": NAME, "number": "5", "password": "a long enough sentence"}
    kinds = {field.get("name"): field.get("type") or "text" for field in form.inputs if field.get("name")}
    return tuple(sorted((name, value or plain.get(kinds.get(name, ""), value)) for name, value in (*given, *empty)))


def _grouped(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in fields:
        grouped.setdefault(name, []).append(value)
    return grouped
