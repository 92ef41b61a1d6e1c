"""The world's own web pages: its state for programs, the caught mail for people. GET and HEAD only."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from urllib.parse import parse_qs, urlsplit

from app.simulator.mailbox import Mailbox
from app.simulator.pages import PER_PAGE, STYLE, list_page, mail_page, missing_page

IDLE = 30.0
CONNECTIONS = 200
PAGE_CSP = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
MAIL_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
"""A mail brings its styles in its own lines; nothing in it may run, load or send."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    body: bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    policy: str = PAGE_CSP
    file_name: str = ""


class Pages:
    """Answers requests from a mailbox and from `status`, which tells the state of the world."""

    def __init__(self, mailbox: Mailbox, status: Callable[[], Mapping[str, object]]) -> None:
        self._mailbox, self._status = mailbox, status
        self._talks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client until it leaves."""
        talk = asyncio.current_task()
        assert talk
        self._talks.add(talk)
        try:
            while len(self._talks) <= CONNECTIONS and await self._exchange(reader, writer):
                pass
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass
        finally:
            self._talks.discard(talk)
            writer.close()

    async def close(self) -> None:
        """End all talks."""
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(IDLE):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        words = head.split("\r\n", 1)[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return False
        method, target, version = words
        keep = version == "HTTP/1.1" and "connection: close" not in head.lower()
        if method in ("GET", "HEAD"):
            answer = self._answer(target)
        else:
            answer, keep = Answer(b"These pages only show things.\n", "text/plain", 405), False
        writer.write(_encoded(answer, keep=keep, with_body=method != "HEAD"))
        async with asyncio.timeout(IDLE):
            await writer.drain()
        return keep

    def _answer(self, target: str) -> Answer:
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        match parts.path.strip("/").split("/"):
            case [""]:
                return self._list(query)
            case ["status"]:
                return Answer(json.dumps(self._status()).encode(), "application/json")
            case ["style.css"]:
                return Answer(STYLE.encode(), "text/css; charset=utf-8")
            case ["mail", number, *view] if number.isdecimal() and len(number) < 16:
                return self._mail(int(number), "/".join(view))
        return Answer(missing_page().encode(), status=404)

    def _list(self, query: Mapping[str, str]) -> Answer:
        words = query.get("q", "").strip()
        before = query.get("before", "")
        limit = int(before) if before.isdecimal() and len(before) < 16 else None
        found = (mail for mail in self._mailbox.newest(words) if limit is None or mail.number < limit)
        mails = list(islice(found, PER_PAGE + 1))
        older = mails[PER_PAGE - 1].number if len(mails) > PER_PAGE else None
        page = list_page(mails[:PER_PAGE], words=words, before=limit, older=older, kept=len(self._mailbox))
        return Answer(page.encode("utf-8", "replace"))

    def _mail(self, number: int, view: str) -> Answer:
        mail = self._mailbox.get(number)
        if mail:
            if view == "":
                return Answer(mail_page(mail).encode("utf-8", "replace"))
            if view == "html":
                return Answer(mail.body("html").encode("utf-8", "replace"), policy=MAIL_CSP)
            if view == "raw":
                return Answer(mail.raw, "message/rfc822", file_name=f"mail-{number}.eml")
        return Answer(missing_page().encode(), status=404)


def _encoded(answer: Answer, *, keep: bool, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.body)}",
        f"Content-Security-Policy: {answer.policy}",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Resource-Policy: same-origin",
        "Cache-Control: no-store",
        f"Connection: {'keep-alive' if keep else 'close'}",
    ]
    if answer.file_name:
        lines.append(f'Content-Disposition: attachment; filename="{answer.file_name}"')
    head = "\r\n".join([*lines, "", ""]).encode()
    return head + answer.body if with_body else head
