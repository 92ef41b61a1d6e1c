"""Links of a design: every web address in `a` and `area` becomes a numbered place, in the order of the document."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import idna

from app.rendering.compiled import Link
from app.rendering.errors import DesignError, design_error
from app.rendering.expressions import ADDRESSES
from app.rendering.protect import Protected, written
from app.rendering.tags import Token
from app.rendering.templates import parse

UNTRACKED_CLASS = "no-track"
"""`css-class` that leaves the links of a component as they are."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_REFUSED = re.compile(r"(?:javascript|vbscript|data|file|blob):")
_LONGEST_LABEL = 120


def place_links(body: Any, protected: Protected) -> tuple[list[Link], dict[str, str]]:
    """Number the links under an lxml element: each address becomes a word, which the result maps to template source.

    Raises DesignError for an address nobody could follow.
    """
    links: list[Link] = []
    words: dict[str, str] = {}
    for element in body.iter("a", "area"):
        href = (element.get("href") or "").strip()
        if not href:
            continue
        tags = [protected.tags[int(a or b)] for a, b in protected.pattern.findall(href)]
        target = _target(href, protected)
        word = f"{protected.nonce}l{len(words)}z"
        if _is_tracked(element, href, tags, protected):
            words[word] = f"{{{{ link_{len(links)} }}}}"
            links.append(Link(len(links), target, _label(element, protected)))
        elif tags and not any(tag.value in ADDRESSES for tag in tags):
            words[word] = _encoded(href, protected)
        elif tags or target == href:
            continue
        else:
            words[word] = target
        element.set("href", word)
    return links, words


def _target(href: str, protected: Protected) -> str:
    """The address as template source, domain names in ASCII, blanks and foreign letters percent-encoded."""
    bare = re.sub(r"[\s\x00-\x20]", "", href).lower()
    if _REFUSED.match(bare):
        raise _bad_address(href, protected, f"An address that begins with {bare.split(':')[0]}: is not allowed")
    scheme = _SCHEME.match(href)
    if scheme and scheme.group(1).lower() in ("http", "https"):
        href = _clean(href, protected)
    return protected.restore(href)


def _clean(href: str, protected: Protected) -> str:
    try:
        parts = urlsplit(href)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad_address(href, protected, f"{protected.restore(href)} is not a web address: {error}") from None
    if not host:
        raise _bad_address(href, protected, f"{protected.restore(href)} is not a web address: the domain is missing")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise _bad_address(href, protected, f"{host} is not a domain name: {error}") from None
        user = parts.netloc.rpartition("@")[0]
        netloc = (f"{user}@" if user else "") + host + (f":{port}" if port else "")
        parts = parts._replace(netloc=netloc)
    keep = "%/:=&?~#+!$,;'@()*[]|"
    return urlunsplit(
        parts._replace(
            path=quote(parts.path, safe=keep),
            query=quote(parts.query, safe=keep),
            fragment=quote(parts.fragment, safe=keep),
        )
    )


def _bad_address(href: str, protected: Protected, reason: str) -> DesignError:
    message = f"{reason.rstrip('.')}. Write it as https://www.example.com/page."
    at = protected.source.find(href)
    return DesignError(message) if at < 0 else design_error(protected.source, at, message)


def _is_tracked(element: Any, href: str, tags: list[Token], protected: Protected) -> bool:
    if any(UNTRACKED_CLASS in (ancestor.get("class") or "").split() for ancestor in _with_ancestors(element)):
        return False
    if any(tag.value in ADDRESSES for tag in tags):
        return False
    scheme = _SCHEME.match(href)
    begins_with_tag = bool(protected.pattern.match(href))
    if not begins_with_tag and (scheme is None or scheme.group(1).lower() not in ("http", "https")):
        return False
    return not tags or _stands_alone(href, protected)


def _with_ancestors(element: Any) -> Iterator[Any]:
    yield element
    yield from element.iterancestors()


def _stands_alone(href: str, protected: Protected) -> bool:
    """Whether the address needs nothing from a loop around it."""
    try:
        parse(protected.restore(href))
    except DesignError:
        return False
    return True


def _encoded(href: str, protected: Protected) -> str:
    """An address that stays in its place (in a loop, or not tracked), its values percent-encoded."""
    first = protected.pattern.match(href)
    head = protected.tags[int(first.group(1) or first.group(2))] if first else None

    def form(token: Token) -> str:
        if token.kind == "block":
            return written(token)
        return f"{{{{ ({token.value}) | {'url_head' if token is head else 'url_part'} }}}}"

    return protected.restore(href, form)


def _label(element: Any, protected: Protected) -> str:
    words = " ".join("".join(element.itertext(with_tail=False)).split())
    images = [" ".join((image.get("alt") or "").split()) for image in element.iter("img")]
    label = (
        words or " ".join(text for text in images if text) or element.get("title") or element.get("aria-label") or ""
    )
    label = protected.restore(label)
    return label if len(label) <= _LONGEST_LABEL or "{" in label else label[: _LONGEST_LABEL - 1].rstrip() + "…"
