"""What a reader sees in a message: its links, its pixel, its ways to leave."""

import re
from dataclasses import dataclass
from html import unescape

from app.simulator.mime import header, headers_of, html_of

_ANCHOR = re.compile(r"<a\b([^>]*)>(.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_IMAGE = re.compile(r"<img\b([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_TAG = re.compile(r"<[^>]*>")
_URI = re.compile(r"<\s*([^<>]+?)\s*>")
_LEAVING = re.compile(r"unsubscri|opt[ -]?out|berhenti|désabonn|desabonn|abmelden|wypis", re.IGNORECASE)
_SERVICE = re.compile(r"preferenc|préférenc|preferensi|browser|navigateur|peramban|view online", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """The addresses in a message. `links` are all of them once, in order; `content` those a reader would follow."""

    links: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    pixel: str = ""
    one_click: str = ""
    """The List-Unsubscribe address, if RFC 8058 lets the mailbox post to it."""
    leave_page: str = ""
    """The unsubscribe link in the text, else the List-Unsubscribe address."""


def read_letter(raw: bytes) -> Letter:
    """Read the addresses from the bytes as they were delivered."""
    block = headers_of(raw)
    listed = web_address(header(block, "List-Unsubscribe"))
    posts = header(block, "List-Unsubscribe-Post").lower() == "list-unsubscribe=one-click"
    html = html_of(raw)
    links: dict[str, str] = {}
    for attributes, inner in _ANCHOR.findall(html):
        address = _attribute(attributes, "href")
        if address.startswith(("http://", "https://")):
            links[address] = f"{links.get(address, '')} {unescape(_TAG.sub(' ', inner))}"
    leaving = [address for address, text in links.items() if address == listed or _LEAVING.search(text)]
    return Letter(
        links=tuple(links),
        content=tuple(url for url, text in links.items() if url not in leaving and not _SERVICE.search(text)),
        pixel=_pixel(html),
        one_click=listed if posts else "",
        leave_page=(leaving or [listed])[0],
    )


def web_address(value: str) -> str:
    """The first http or https address of a `<uri>, <uri>` list."""
    return next((uri for uri in _URI.findall(value) if uri.startswith(("http://", "https://"))), "")


def _pixel(html: str) -> str:
    for attributes in _IMAGE.findall(html):
        address = _attribute(attributes, "src")
        if _attribute(attributes, "width") == "1" and address.startswith(("http://", "https://")):
            return address
    return ""


def _attribute(attributes: str, name: str) -> str:
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name:
            return unescape(found[2] or found[3] or found[4] or "").strip()
    return ""
