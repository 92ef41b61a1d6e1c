"""Does the deeds: loads pixels and links, unsubscribes, posts letters, and tells the truth file."""

import asyncio
from collections.abc import Callable
from urllib.parse import urljoin

from app.simulator.agents import Callers, Headers
from app.simulator.browser import Browser, NoAnswer, Page
from app.simulator.dice import Dice
from app.simulator.forms import leaving_form
from app.simulator.gate import domain_of
from app.simulator.people import Deed, Leave, Send, Visit
from app.simulator.post import post
from app.simulator.providers import provider_of
from app.simulator.site import Site
from app.simulator.truth import Truth

ONE_CLICK = ("List-Unsubscribe", "One-Click")
TRIES = 5


class Actor:
    """One pair of hands with a connection of its own."""

    def __init__(
        self,
        site: Site,
        exchanger: tuple[str, int],
        callers: Callers,
        truth: Truth,
        later: Callable[[Send], None],
    ) -> None:
        self._site, self._exchanger, self._callers, self._truth, self._later = site, exchanger, callers, truth, later
        self._browser = Browser(site)

    async def do(self, deed: Deed) -> None:
        match deed:
            case Visit():
                await self._visit(deed)
            case Leave(by_button=True):
                await self._press_button(deed)
            case Leave():
                await self._leave_by_page(deed)
            case Send():
                await self._send(deed)

    def close(self) -> None:
        self._browser.close()

    async def _visit(self, deed: Visit) -> None:
        machine = deed.who != "reader"
        headers = self._headers(deed)
        for url in deed.urls:
            page = await self._load(deed, url, headers)
            if page:
                kind = _kind_of(deed, page)
                self._truth.tell(
                    kind, deed.to, message_id=deed.message_id, machine=machine, url=url, status=page.status
                )

    def _headers(self, deed: Visit) -> Headers:
        if deed.who == "apple":
            return self._callers.prefetching(deed.to)
        if deed.who == "scanner":
            return self._callers.scanning(domain_of(deed.to))
        if deed.kind == "open":
            return self._callers.opening(deed.to, provider_of(domain_of(deed.to)))
        return self._callers.reading(deed.to)

    async def _press_button(self, deed: Leave) -> None:
        headers = self._callers.mailbox_button(provider_of(domain_of(deed.to)))
        kind, body = _one_click_body(deed)
        page = await self._load(deed, deed.url, {**headers, "Content-Type": kind}, method="POST", body=body)
        self._tell_left(deed, page, "one-click")

    async def _leave_by_page(self, deed: Leave) -> None:
        headers = self._callers.reading(deed.to)
        page = await self._load(deed, deed.url, headers)
        if page is None or page.status != 200:
            self._tell_left(deed, page, "page")
            return
        form = leaving_form(page.body.decode("utf-8", "replace"))
        if form is None:
            self._tell_left(deed, Page(0), "page without a form")
            return
        filled = {**headers, "Content-Type": "application/x-www-form-urlencoded", "Origin": _origin(self._site)}
        if page.cookies:
            filled["Cookie"] = "; ".join(page.cookies)
        target = urljoin(deed.url, form.action)
        self._tell_left(deed, await self._load(deed, target, filled, method="POST", body=form.body), "page")

    def _tell_left(self, deed: Leave, page: Page | None, reason: str) -> None:
        if page:
            self._truth.tell(
                "unsubscribe", deed.to, message_id=deed.message_id, url=deed.url, status=page.status, reason=reason
            )

    async def _load(
        self, deed: Visit | Leave, url: str, headers: Headers, *, method: str = "GET", body: bytes = b""
    ) -> Page | None:
        path = self._site.path_of(url)
        if path is None:
            self._truth.tell("skipped", deed.to, message_id=deed.message_id, url=url)
            return None
        try:
            return await self._browser.fetch(path, headers, method=method, body=body)
        except NoAnswer:
            return Page(0)

    async def _send(self, deed: Send) -> None:
        status = 0
        if deed.letter:
            status = await asyncio.to_thread(post, self._exchanger, deed.sender, deed.destination, deed.letter)
            if (status == 0 or 400 <= status < 500) and deed.tries < TRIES:
                self._later(deed)
                return
        told = {"reported": bool(deed.letter)} if deed.kind == "complaint" else {}
        self._truth.tell(deed.kind, deed.to, message_id=deed.message_id, status=status, reason=deed.reason, **told)


def _kind_of(deed: Visit, page: Page) -> str:
    # A link that shows a page instead of redirecting (preferences, "view in browser") is a visit, not a click.
    if deed.kind == "click" and 200 <= page.status < 300:
        return "visit" if deed.who == "reader" else "scan"
    return deed.kind


def _one_click_body(deed: Leave) -> tuple[str, bytes]:
    # RFC 8058 prefers multipart/form-data and allows the other; providers use both.
    name, value = ONE_CLICK
    if Dice(0, "form", deed.to, deed.message_id).chance("urlencoded", 0.5):
        return "application/x-www-form-urlencoded", f"{name}={value}".encode()
    mark = "----one-click"
    text = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--{mark}--\r\n'
    return f"multipart/form-data; boundary={mark}", text.encode()


def _origin(site: Site) -> str:
    return f"{site.scheme}://{site.authority}"
