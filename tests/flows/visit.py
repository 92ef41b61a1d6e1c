"""A person at a browser who also looks at each page: by axe in light and dark, on a phone, for refused content.

Set MERPATI_PICTURES to a directory to see what the visit saw.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.flows.house import House, until
from tests.look.browser import ARGUMENTS, AXE, CHROMIUM

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
PICTURES = os.environ.get("MERPATI_PICTURES", "")
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""Links in mails lead out into the world; this browser finds nobody there."""


class Visit:
    """One browser window, and what was found wrong with the pages it showed."""

    def __init__(self, house: House, page: Page) -> None:
        self.house, self.page = house, page
        self.axe: dict[str, list[str]] = {}
        self.wide: dict[str, int] = {}
        self.refused: list[str] = []
        self._axe = Path(AXE).read_text()
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.set_default_timeout(30_000)

    def go(self, path: str) -> None:
        """Open a page of the installation."""
        self.page.goto(f"{self.house.base}{path}")

    def press(self, name: str, *, within: str = "") -> None:
        """Press a button or follow a link by its name, perhaps within the navigation of that name."""
        scope = self.page.get_by_role("navigation", name=within) if within else self.page.locator("body")
        button, link = (scope.get_by_role(role, name=name, exact=True) for role in ("button", "link"))
        button.or_(link).filter(visible=True).first.click()

    def fill(self, **fields: str) -> None:
        """Fill fields by their labels; underscores stand for spaces."""
        for label, value in fields.items():
            self.page.get_by_label(label.replace("_", " ")).first.fill(value)

    def heading(self, name: str) -> None:
        """The page has arrived whose heading this is."""
        expect(self.page.get_by_role("heading", level=1, name=name)).to_be_visible()

    def says(self, text: str) -> None:
        """The page says this somewhere."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=30_000)

    def look(self, name: str) -> None:
        """Examine the page as it stands, on a desk and on a phone, in light and dark."""
        until(lambda: self.page.locator(".htmx-request").count() == 0, f"{name}: requests under way")
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if found := self._examine():
                self.axe[f"{name} ({scheme})"] = found
            self._picture(f"{name}-{scheme}")
        self.page.emulate_media(color_scheme="light")
        self._resize(PHONE)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            self.wide[name] = width
        self._picture(f"{name}-phone")
        self._resize(DESK)

    def read_mail(self, subject: str) -> None:
        """Open a mail in the catcher, once it is there."""

        def is_there() -> bool:
            self.page.goto(self.house.catcher)
            return self.page.get_by_role("link", name=subject).count() > 0

        until(is_there, f"a mail about {subject!r}")
        self.page.get_by_role("link", name=subject).first.click()
        expect(self.page.get_by_role("heading", level=1, name=subject)).to_be_visible()

    def _resize(self, size: dict[str, int]) -> None:
        self.page.set_viewport_size(size)  # type: ignore[arg-type]
        self.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    def _examine(self) -> list[str]:
        # Evaluated by the debugger, so no policy needs to be bent for it.
        self.page.evaluate(f"window.axe || (() => {{ {self._axe} }})()")
        found = self.page.evaluate("async () => (await axe.run(document, {iframes: false, preload: false})).violations")
        return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]

    def _note(self, text: str) -> None:
        # A form with a mistake is answered by 422. Links lead out into a world that is not there, and the catcher shows
        # mails without their pictures.
        is_expected = "status of 422" in text or "ERR_NAME_NOT_RESOLVED" in text
        if not is_expected and not self.page.url.startswith(self.house.catcher):
            self.refused.append(f"{self.page.url}: {text}")

    def _picture(self, name: str) -> None:
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name.replace(' ', '-')}.png", full_page=True)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium that calls nobody."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, NOWHERE])
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, house: House) -> Iterator[Visit]:
    """A window of somebody who was never here."""
    context = browser.new_context(viewport=DESK, accept_downloads=True)  # type: ignore[arg-type]
    yield Visit(house, context.new_page())
    context.close()
