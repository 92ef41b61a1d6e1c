"""Compile: MJML with merge tags → HTML and text with merge tags, links numbered. Once per version of a design.

check and protect (protect.py) → mjml-python → premailer, for the author's own styles only → link places (links.py) →
plain text (plaintext.py) → merge tags back. No step reads a file or the network.
"""

import logging
import re
import threading
from typing import Any

from lxml import etree
from mjml import mjml2html

from app.rendering.compiled import SLOT_SIZE, CompiledDesign, Link
from app.rendering.errors import DesignError, design_error
from app.rendering.links import place_links
from app.rendering.plaintext import to_plain_text
from app.rendering.protect import AUTHOR_STYLE, Protected, protect
from app.rendering.templates import fields, parse

__all__ = ["CompiledDesign", "DesignError", "Link", "compile_design"]

_inlining = threading.Lock()
"""cssutils, which premailer uses, keeps its log and its profiles in globals."""


def compile_design(mjml: str) -> CompiledDesign:
    """Compile a design. Raises DesignError, with line and column, for MJML or merge tags that cannot be used."""
    protected = protect(mjml)
    _check_merge_tags(protected)
    page = _inline(_to_html(protected))
    body = page.find("body")
    links, words = place_links(body, protected)
    targets = {word: links[number].url for number, word in enumerate(word for word in words if "link_" in words[word])}
    _place_own_parts(body, protected, words)
    text = to_plain_text(body, protected.block_pattern, targets)
    html = "<!doctype html>" + etree.tostring(page, method="html", encoding="unicode") + "\n"
    html, text = (_restore(part, protected, words) for part in (html, text))
    used = (*parse(protected.preheader), *parse(html, slots=True), *parse(text, slots=True))
    return CompiledDesign(
        html=html,
        text=text,
        links=tuple(links),
        fields=tuple(dict.fromkeys([*fields(used), *(name for link in links for name in fields(parse(link.url)))])),
        size_bytes=_size(html),
        preheader=protected.preheader,
    )


def _check_merge_tags(protected: Protected) -> None:
    """Parse the tags as they stand in the source, so that mistakes are named with the author's lines."""
    source, blank = protected.source, re.compile(r"[^\n]")
    pieces, at = [], 0
    for tag in protected.tags:
        pieces.append(blank.sub(" ", source[at : tag.start]))
        pieces.append(source[tag.start : tag.end])
        at = tag.end
    parse("".join(pieces))


def _to_html(protected: Protected) -> str:
    try:
        html: str = mjml2html(protected.mjml, fonts={}, social_icon_origin="")
    except ValueError as error:
        raise DesignError(f"The MJML cannot be read: {error}.") from None
    _check_nothing_lost(protected, html)
    return html


def _check_nothing_lost(protected: Protected, html: str) -> None:
    arrived = {int(first or second) for first, second in protected.pattern.findall(html)}
    for number, tag in enumerate(protected.tags):
        if number not in arrived and protected.word(number) in protected.mjml:
            raise design_error(
                protected.source, tag.start, "This merge tag got lost on the way: put it into an <mj-text>."
            )


def _inline(html: str) -> Any:
    """The page as a tree, the author's styles moved into the tags; media queries and :hover stay where they are."""
    page = etree.fromstring(html, etree.HTMLParser(huge_tree=False))
    for style in page.iter("style"):
        if AUTHOR_STYLE in (style.text or ""):
            style.text = (style.text or "").replace(AUTHOR_STYLE, "")
        else:
            style.set("data-premailer", "ignore")
    from premailer import Premailer  # here: it takes a third of a second to import, and only compiling needs it

    premailer = Premailer(
        page,
        allow_network=False,
        allow_loading_external_files=False,
        strip_important=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        align_floating_images=False,
    )
    with _inlining:
        try:
            premailer.transform()
        except Exception as error:  # noqa: BLE001  # a CSS parser's errors share no class, and none is ours
            raise DesignError(f"The styles in <mj-style> cannot be read: {error}.") from None
    for style in page.iter("style"):
        style.attrib.pop("data-premailer", None)
    return page


def _place_own_parts(body: Any, protected: Protected, words: dict[str, str]) -> None:
    """The hidden preview text's place at the top of the body, the pixel's at its end."""
    top, end = f"{protected.nonce}l{len(words)}z", f"{protected.nonce}l{len(words) + 1}z"
    words[top], words[end] = "{{ preheader }}", "{{ pixel }}"
    for number, word in enumerate((top, end)):
        body.insert(0 if number == 0 else len(body), etree.Comment(word))


def _restore(text: str, protected: Protected, words: dict[str, str]) -> str:
    own = re.compile(rf"<!--({protected.nonce}l\d+z)-->|({protected.nonce}l\d+z)")
    pieces: list[str] = []
    at = 0
    for found in own.finditer(text):
        pieces += protected.restore(text[at : found.start()]), words[found.group(1) or found.group(2)]
        at = found.end()
    return "".join((*pieces, protected.restore(text[at:])))


def _size(html: str) -> int:
    slots = len(re.findall(r"\{\{ link_\d+ \}\}", html))
    return len(html.encode()) + slots * (SLOT_SIZE - len("{{ link_0 }}"))
