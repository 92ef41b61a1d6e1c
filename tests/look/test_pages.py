"""Every macro in a real browser: readable by axe, obedient to the policy, usable by keyboard and without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.look.browser import AXE, chromium, served

pytestmark = pytest.mark.browser

PAGES = ["/", "/lists", "/form", "/sign-in", "/public", "/send", "/editor", "/nowhere"]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    context = browser.new_context(base_url=base)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, base: str, scheme: str) -> None:
    context = browser.new_context(base_url=base, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    found = {}
    for path in PAGES:
        page.goto(path)
        _settle(page)
        found[path] = _axe(page)
    page.goto("/form")
    page.get_by_role("button", name="Save letter").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found["/form with errors"] = _axe(page)
    page.goto("/")
    page.get_by_role("link", name="Send to 1,234 people").click()
    found["/ with its dialog"] = _axe(page)
    context.close()
    assert {path: problems for path, problems in found.items() if problems} == {}


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_is_never_violated(page: Page, path: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path)
    _settle(page)
    assert [text for text in complaints if "404 (NOT FOUND)" not in text] == []


def test_axe_is_what_the_lock_file_names() -> None:
    assert AXE.is_file(), "run npm ci in frontend/ first: docs/look.md"


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/nowhere"])
def test_nothing_is_wider_than_a_phone(browser: Browser, base: str, path: str) -> None:
    context = browser.new_context(base_url=base, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(path)
    _settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


@pytest.mark.parametrize(("width", "is_below"), [(360, True), (1100, False)])
def test_a_finding_keeps_its_width_beside_its_button(browser: Browser, base: str, width: int, is_below: bool) -> None:
    context = browser.new_context(base_url=base, viewport={"width": width, "height": 740})
    page = context.new_page()
    page.goto("/")
    _settle(page)
    row = page.locator(".check-row").first
    words, button = row.locator("> div").bounding_box(), row.locator("> .btn").bounding_box()
    context.close()
    assert words is not None
    assert button is not None
    assert (button["y"] >= words["y"] + words["height"]) == is_below
    assert (button["x"] == words["x"]) == is_below


def test_the_icons_are_drawn(page: Page) -> None:
    page.goto("/")
    box = page.evaluate("document.querySelector('.brand .logo use').getBoundingClientRect().width")
    assert box > 10


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_dialog_opens_on_cancel_and_gives_the_focus_back(page: Page) -> None:
    page.goto("/")
    opener = page.get_by_role("link", name="Send to 1,234 people")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Send “Autumn letter” now?")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    send = dialog.get_by_role("button", name="Send to 12,431 people")
    expect(send).to_be_disabled()
    dialog.get_by_label("Type 12,431 to confirm").fill("12 431")
    expect(send).to_be_enabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_the_theme_stays_chosen_and_the_server_knows_it(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.locator(".topbar summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    answer = page.reload()
    assert answer is not None
    assert 'data-theme="dark"' in answer.text()
    page.locator(".topbar summary").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator(".topbar summary")).to_be_focused()


def test_polling_stops_when_the_server_says_final(page: Page) -> None:
    asked: list[str] = []
    page.goto("/")
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)
    expect(page.locator("#live[data-final]")).to_be_visible(timeout=8_000)
    count = len(asked)
    page.wait_for_timeout(1_500)
    assert len(asked) == count


def test_a_form_is_sent_once(page: Page) -> None:
    page.goto("/form")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method) if request.method == "POST" else None)
    page.evaluate("for (let i = 0; i < 3; i++) document.querySelector('main form').requestSubmit()")
    expect(page.get_by_role("alert")).to_contain_text("3 things need your attention")
    assert posts == ["POST"]


def test_the_summary_of_errors_leads_to_the_field(page: Page) -> None:
    page.goto("/form")
    page.get_by_role("button", name="Save letter").click()
    page.get_by_role("link", name=re.compile("^Subject:")).click()
    subject = page.get_by_label("Subject")
    expect(subject).to_be_focused()
    expect(subject).to_have_attribute("aria-invalid", "true")
    expect(subject).to_have_accessible_description("Write a subject; letters without one are rarely opened.")


def test_the_editor_shows_mistakes_where_they_are(page: Page) -> None:
    page.goto("/editor")
    expect(page.get_by_text("The preview is up to date.")).to_be_visible()
    page.get_by_role("textbox", name="Source").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("<mj-oops ")
    page.get_by_role("button", name="Line 1:2 There is no element mj-oops.").click()
    expect(page.locator(".cm-lint-marker-error")).to_be_visible()
    assert page.locator("textarea#source").input_value().startswith("<mj-oops")
    assert "rev=" in (page.locator("iframe#preview").get_attribute("src") or "")


def test_personal_values_go_to_the_cursor(page: Page) -> None:
    page.goto("/editor")
    page.get_by_label("Subject", exact=True).focus()
    page.keyboard.press("End")
    page.get_by_text("Insert into the subject").click()
    page.get_by_label("If it is empty, write").fill("reader")
    page.get_by_role("button", name="First name").click()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("Coo{{ person.name | default('reader') }}")
    page.get_by_text("Insert into the source").click()
    page.get_by_role("button", name="City").click()
    assert "person.city" in page.locator("textarea#source").input_value()


def test_everything_works_without_scripts(browser: Browser, base: str) -> None:
    context = browser.new_context(base_url=base, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Send to 1,234 people").click()
    expect(page).to_have_url(f"{base}/send")
    expect(page.get_by_role("button", name="Send to 12,431 people")).to_be_enabled()
    page.goto("/editor")
    expect(page.get_by_role("textbox", name="Source")).to_be_editable()
    page.locator(".topbar summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{base}/sign-in")
    context.close()


def test_public_pages_carry_no_scripts(page: Page) -> None:
    page.goto("/public")
    assert page.locator("script").count() == 0
    assert page.locator('meta[name="robots"]').get_attribute("content") == "noindex, nofollow"


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle") if "/editor" in page.url else page.wait_for_load_state("load")


def _axe(page: Page) -> list[str]:
    page.add_script_tag(content=Path(AXE).read_text())
    violations = page.evaluate("async () => (await axe.run(document, {iframes: false})).violations")
    return [f"{rule['id']}: {node['html'][:160]}" for rule in violations for node in rule["nodes"]]
