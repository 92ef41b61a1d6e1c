"""The small HTTP client against servers with different manners."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.core.errors import SettingsError
from app.simulator.browser import Browser, NoAnswer, Page
from app.simulator.forms import leaving_form
from app.simulator.site import read_site

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def talk(answers: list[bytes], act: Callable[[Browser], Awaitable[None]], *, hang_up: bool = False) -> int:
    """Let `act` use a browser against a server that gives these answers; returns how many connections it took."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while answers:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answers.pop(0))
                await writer.drain()
                if hang_up:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        browser = Browser(read_site(f"http://127.0.0.1:{port}"))
        try:
            await act(browser)
        finally:
            browser.close()
            server.close()
            await server.wait_closed()
            await asyncio.sleep(0.01)

    asyncio.run(main())
    return connections


def test_one_connection_serves_many_requests() -> None:
    async def act(browser: Browser) -> None:
        for _ in range(5):
            assert (await browser.fetch("/", {})).body == b"ok"

    assert talk([OK] * 5, act) == 1


def test_a_server_that_hangs_up_between_requests_is_called_again() -> None:
    async def act(browser: Browser) -> None:
        for _ in range(3):
            assert (await browser.fetch("/", {})).status == 200
            await asyncio.sleep(0.01)

    assert talk([OK] * 3, act, hang_up=True) == 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://x\r\nContent-Length: 0\r\n\r\n", Page(302)),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\none\r\n2\r\n..\r\n0\r\nX: 1\r\n\r\n",
            Page(200, {}, b"one.."),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Page(204)),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Page(200, {}, b"until the end")),
    ],
)
def test_answers_are_read_in_every_framing(answer: bytes, expected: Page) -> None:
    async def act(browser: Browser) -> None:
        page = await browser.fetch("/", {})
        assert (page.status, page.body) == (expected.status, expected.body)

    talk([answer], act, hang_up=True)


@pytest.mark.parametrize("answer", [b"", b"220 hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"])
def test_nonsense_is_no_answer(answer: bytes) -> None:
    async def act(browser: Browser) -> None:
        with pytest.raises(NoAnswer):
            await browser.fetch("/", {})

    talk([answer], act, hang_up=True)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://s.test/a?b=c", "/a?b=c"),
        ("http://S.TEST:80", "/"),
        ("https://s.test/a", None),
        ("http://s.test:81/a", None),
        ("http://s.test.evil.test/", None),
        ("http://s.test@evil.test/", None),
        ("http://s.test:port/", None),
        ("http://s.test/a b", None),
        ("http://s.test/a\r\nX: y", "/aX:%20y"),
    ],
)
def test_only_the_one_site_has_paths(url: str, path: str | None) -> None:
    found = read_site("http://s.test").path_of(url)
    assert found == path if path != "/aX:%20y" else "\r" not in (found or "") and "\n" not in (found or "")


def test_a_site_needs_a_web_address() -> None:
    with pytest.raises(SettingsError):
        read_site("s.test")


def test_forms_are_filled_in_as_a_browser_would() -> None:
    page = """<form action=/search><input name=q></form>
    <form method=POST action="/leave?a=1"><input type=hidden name=t value="1&amp;2">
    <input type=checkbox name=all><input type=checkbox name=this checked><input type=radio name=r value=x checked>
    <input name=why disabled value=no><input type=submit name=go value=Yes><button name=no>No</button></form>"""
    form = leaving_form(page)
    assert form is not None
    assert form.action == "/leave?a=1"
    assert form.body == b"t=1%262&this=on&r=x&go=Yes"
    assert leaving_form("<p>Nothing here") is None
