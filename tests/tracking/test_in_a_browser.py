"""A subscriber's pages in Chromium: without scripts, on a phone, readable; the mail locked in, its links alive."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from app.accounts.models import Workspace
from app.audience.lists import create_list
from app.core.database import db, in_workspace
from tests.factories.messages import Sent, sent_message
from tests.look.browser import AXE, chromium

pytestmark = pytest.mark.browser

KEPT = ("content-type", "content-security-policy", "location", "x-content-type-options", "referrer-policy")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    sent = sent_message(workspace)
    with in_workspace(workspace.id):
        create_list("Offers", description="When there is one.")
        db.session.commit()
    return sent


class House:
    """Answers for http://localhost out of the application; the rest of the world is a blank page."""

    def __init__(self, app: Flask) -> None:
        self._client: FlaskClient = app.test_client()
        self.visited: list[str] = []

    def enter(self, context: BrowserContext) -> None:
        context.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        self.visited.append(route.request.url)
        if url.hostname != "localhost":
            route.fulfill(status=200, content_type="text/html", body="<title>The world</title>")
            return
        answer = self._client.open(
            url.path,
            method=route.request.method,
            data=route.request.post_data_buffer,
            content_type=route.request.headers.get("content-type"),
        )
        headers = {name: value for name, value in answer.headers.items() if name.lower() in KEPT}
        route.fulfill(status=answer.status_code, headers=headers, body=answer.data)


@pytest.fixture
def house(app: Flask) -> House:
    return House(app)


@pytest.fixture
def plain(browser: Browser, house: House) -> Iterator[Page]:
    """A phone whose browser runs no scripts."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    house.enter(context)
    yield context.new_page()
    context.close()


def test_leaving_coming_back_and_choosing_without_scripts(plain: Page, sent: Sent) -> None:
    plain.goto(f"http://localhost/u/{sent.token}")
    plain.get_by_role("button", name="Unsubscribe").click()
    expect(plain.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert sent.state_on() == "unsubscribed"

    plain.get_by_label("Too many mails").check()
    plain.get_by_role("button", name="Send the reason").click()
    expect(plain.get_by_role("heading", name="Thank you")).to_be_visible()

    plain.goto(f"http://localhost/u/{sent.token}")
    expect(plain.get_by_role("heading", name="You are unsubscribed already")).to_be_visible()
    plain.get_by_role("button", name="Undo").click()
    assert sent.state_on() == "confirmed"

    plain.get_by_role("link", name="Choose what you get").click()
    plain.get_by_label("Offers").check()
    plain.get_by_label("Do not record").check()
    plain.get_by_role("button", name="Save my choice").click()
    expect(plain.get_by_text("you now get Offers")).to_be_visible()
    plain.get_by_role("button", name="Undo").click()
    expect(plain.get_by_text("you no longer get Offers")).to_be_visible()
    expect(plain.get_by_label("Do not record")).not_to_be_checked()


def test_the_mail_in_the_browser_is_locked_in_and_its_links_work(browser: Browser, house: House, sent: Sent) -> None:
    context = browser.new_context()
    house.enter(context)
    page = context.new_page()
    page.goto(f"http://localhost/v/{sent.token}")
    assert _cookies_refused(page)
    with context.expect_page() as opened:
        page.get_by_role("link", name="Story 2").click()
    opened.value.wait_for_url("https://example.com/2")
    assert not _cookies_refused(opened.value), "the page that opens is free again"

    page.get_by_role("link", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="Unsubscribe")).to_be_visible()
    context.close()


def _cookies_refused(page: Page) -> Any:
    return page.evaluate("() => { try { document.cookie; return false } catch (error) { return true } }")


PAGES = ("/u/{token}", "/p/{token}", "/f/{form}", "/c/{token}/damaged", "/confirm/damaged", "/u/damaged")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, house: House, sent: Sent, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    house.enter(context)
    page = context.new_page()
    found = {}
    for path in PAGES:
        page.goto("http://localhost" + path.format(token=sent.token, form=sent.mailing_list.public_id))
        found[path] = _axe(page)
    page.goto(f"http://localhost/u/{sent.token}")
    page.get_by_role("button", name="Unsubscribe").click()
    found["unsubscribed"] = _axe(page)
    page.goto(f"http://localhost/p/{sent.token}")
    page.get_by_label("Offers").check()
    page.get_by_role("button", name="Save my choice").click()
    found["saved"] = _axe(page)
    context.close()
    assert {path: problems for path, problems in found.items() if problems} == {}


def test_pages_fit_a_phone_and_obey_the_policy(browser: Browser, house: House, sent: Sent) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    house.enter(context)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for path in PAGES:
        page.goto("http://localhost" + path.format(token=sent.token, form=sent.mailing_list.public_id))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    context.close()
    assert [text for text in complaints if not re.search(r"status of 404", text)] == []
    assert {urlsplit(url).hostname for url in house.visited} == {"localhost"}


def _axe(page: Page) -> list[str]:
    page.add_script_tag(content=AXE.read_text())
    violations = page.evaluate("async () => (await axe.run(document, {iframes: false})).violations")
    return [f"{rule['id']}: {node['html'][:160]}" for rule in violations for node in rule["nodes"]]
