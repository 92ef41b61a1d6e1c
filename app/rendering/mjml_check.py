"""Is this the MJML we know? Names unknown tags, attributes and places, and what must not be in a mail, with line and
column; the renderer accepts all of it in silence."""

import re
from typing import NoReturn

from app.core.entities import unescaped
from app.rendering.errors import DesignError, design_error
from app.rendering.filters import did_you_mean
from app.rendering.markup import GONE_MASK, TAG_MASK, Attribute, Item
from app.rendering.mjml_rules import (
    ANY_ATTRIBUTE,
    BLOCK_TAGS_IN,
    COMPONENTS,
    HTML_TAGS,
    REFUSED,
    REFUSED_HTML,
)
from app.rendering.tags import Token

_ADDRESS_ATTRIBUTES = frozenset({"href", "src", "srcset", "background", "background-url", "base-url", "action", "cite"})
_UNSAFE_SCHEME = re.compile(r"(?:javascript|vbscript|data|file|blob):")
_IMAGE_DATA = re.compile(r"data:image/(?:png|gif|jpeg|webp)[;,]")
_HAS_WORDS = re.compile(rf"[^\s{GONE_MASK}]")


def check_mjml(source: str, masked: str, items: list[Item]) -> None:
    """Raises DesignError for the first thing that is not MJML as Merpati takes it."""
    if not items or not any(item.name for item in items):
        raise DesignError("This is not MJML: a design begins with <mjml> and ends with </mjml>.", 1, 1)
    _Checker(source, masked, items).run()


def check_block_tags(source: str, items: list[Item], owners: list[tuple[Token, int, bool]]) -> None:
    """Conditions and loops must open and close among the same tag's children, or within one attribute value.

    `owners` gives each `{% … %}` with the item it stands in, and whether it stands in an attribute.
    """
    open_tags: list[tuple[Token, int]] = []
    for token, owner, in_attribute in owners:
        parent = items[owner]
        if not in_attribute and parent.name in COMPONENTS and not COMPONENTS[parent.name].content:
            _check_block_place(source, token, parent)
        word = token.value.split(maxsplit=1)[0] if token.value else ""
        if word in ("if", "for"):
            open_tags.append((token, owner))
        elif open_tags:
            opened, opened_in = open_tags[-1]
            if opened_in != owner:
                raise design_error(
                    source,
                    token.start,
                    f"{{% {word} %}} stands in <{parent.name}>, but its {{% {opened.value.split()[0]} %}} in "
                    f"<{items[opened_in].name}>: both must stand between the same tags.",
                )
            if word in ("endif", "endfor"):
                open_tags.pop()


class _Checker:
    def __init__(self, source: str, masked: str, items: list[Item]) -> None:
        self.source, self.masked, self.items = source, masked, items
        self.parts: dict[str, int] = {}

    def run(self) -> None:
        for item in self.items:
            parent = self.items[item.parent] if item.parent >= 0 else None
            if item.kind == "text":
                self._text(item, parent)
            elif item.kind in ("open", "empty"):
                self._tag(item, parent)
        if "mj-body" not in self.parts:
            self._fail(0, "There is no <mj-body>: the content of the mail stands in <mjml><mj-body>…</mj-body></mjml>.")

    def _text(self, item: Item, parent: Item | None) -> None:
        words = _HAS_WORDS.search(self.masked[item.start : item.end].replace(TAG_MASK, " "))
        if words is None:
            return
        at = item.start + words.start()
        if parent is None:
            self._fail(at, "Text outside <mjml> is lost: move it into an <mj-text>.")
        if parent.name in COMPONENTS and not COMPONENTS[parent.name].content:
            self._fail(at, f"Text directly in <{parent.name}> does not work: put it into an <mj-text>.")

    def _tag(self, item: Item, parent: Item | None) -> None:
        around = parent.name if parent is not None else ""
        if around == "mj-attributes" or self._in_defaults(parent):
            self._defaults(item)
        elif around in COMPONENTS and COMPONENTS[around].content in ("text", "css"):
            self._fail(item.start, f"<{around}> takes plain text only: remove <{item.name}>.")
        elif (around in COMPONENTS and COMPONENTS[around].content) or (around and around not in COMPONENTS):
            self._html_tag(item, around)
        else:
            self._component(item, around)
        for attribute in item.attributes:
            self._address(attribute)

    def _in_defaults(self, parent: Item | None) -> bool:
        return parent is not None and parent.parent >= 0 and self.items[parent.parent].name == "mj-attributes"

    def _component(self, item: Item, around: str) -> None:
        component = COMPONENTS.get(item.name)
        if component is None:
            self._unknown_tag(item, around)
        if not around and item.name != "mjml":
            self._fail(item.start, f"<{item.name}> stands outside: a design begins with <mjml>.")
        if around and around not in component.parents:
            places = " or ".join(f"<{name}>" for name in sorted(component.parents)) or "the very outside"
            self._fail(item.start, f"<{item.name}> does not belong in <{around}>; its place is {places}.")
        if item.name in ("mjml", "mj-head", "mj-body"):
            self.parts[item.name] = self.parts.get(item.name, 0) + 1
            if self.parts[item.name] > 1:
                self._fail(item.start, f"There can be only one <{item.name}>.")
        for attribute in item.attributes:
            self._known_attribute(item, attribute, component.attributes)
        if item.name == "mj-social-element" and not any(attribute.name == "src" for attribute in item.attributes):
            self._fail(
                item.start, "<mj-social-element> needs src, the address of its icon: Merpati calls no third party."
            )

    def _defaults(self, item: Item) -> None:
        if item.name in ("mj-all", "mj-class"):
            allowed = ANY_ATTRIBUTE | {"name"}
        elif item.name in COMPONENTS:
            allowed = COMPONENTS[item.name].attributes
        else:
            self._unknown_tag(item, "mj-attributes")
        for attribute in item.attributes:
            self._known_attribute(item, attribute, allowed)

    def _known_attribute(self, item: Item, attribute: Attribute, allowed: frozenset[str]) -> None:
        if attribute.name not in allowed:
            hint = did_you_mean(attribute.name, allowed)
            self._fail(attribute.at, f'<{item.name}> has no attribute "{attribute.name}".{hint}')

    def _html_tag(self, item: Item, around: str) -> None:
        name = item.name.lower()
        if name in REFUSED_HTML:
            self._fail(item.start, f"<{name}> does not work in mails, and mail programs remove it. Take it out.")
        if name == "style" and around != "mj-raw":
            self._fail(item.start, "<style> belongs in the head: use <mj-style>.")
        if name in COMPONENTS or name in REFUSED:
            self._fail(
                item.start, f"<{name}> does not work inside <{around}>, which takes HTML. Close <{around}> before."
            )
        if name not in HTML_TAGS and name != "style":
            self._unknown_tag(item, around)
        for attribute in item.attributes:
            if attribute.name.lower().startswith("on"):
                self._fail(
                    attribute.at, f"{attribute.name} runs a script, and scripts do not work in mails. Remove it."
                )
            if attribute.name.lower() == "http-equiv":
                self._fail(attribute.at, "http-equiv is not allowed in mails. Remove it.")

    def _unknown_tag(self, item: Item, around: str) -> NoReturn:
        if reason := REFUSED.get(item.name):
            self._fail(item.start, f"<{item.name}> cannot be used. {reason}")
        known = set(COMPONENTS) if item.name.startswith("mj") else set(HTML_TAGS) | set(COMPONENTS)
        if not around:
            self._fail(item.start, f"<{item.name}> stands outside: a design begins with <mjml>.")
        if not item.name.startswith("mj") and item.name in HTML_TAGS:
            self._fail(item.start, f"<{item.name}> directly in <{around}> does not work: put it into an <mj-text>.")
        self._fail(item.start, f"There is no tag <{item.name}>.{did_you_mean(item.name, known)}")

    def _address(self, attribute: Attribute) -> None:
        if attribute.name.lower() not in _ADDRESS_ATTRIBUTES:
            return
        url = re.sub(r"[\s\x00-\x20\x7f\u200b\ufeff]", "", unescaped(attribute.value)).lower()
        if _UNSAFE_SCHEME.match(url) and not (attribute.name.lower() != "href" and _IMAGE_DATA.match(url)):
            scheme = url.split(":")[0]
            self._fail(attribute.start, f"An address that begins with {scheme}: is not allowed. Use https://.")

    def _fail(self, at: int, message: str) -> NoReturn:
        raise design_error(self.source, at, message)


def _check_block_place(source: str, token: Token, parent: Item) -> None:
    if parent.name not in BLOCK_TAGS_IN:
        raise design_error(
            source,
            token.start,
            f"A condition or loop cannot stand directly in <{parent.name}>. Put it around the tags in <mj-body>, "
            "<mj-section> or <mj-column>, or inside an <mj-text>.",
        )
