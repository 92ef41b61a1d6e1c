"""Merge tags step aside while MJML and HTML tools work: each becomes an inert word or comment, and comes back after.

So a tag may hold quotes, `<` and `&`, and may stand in text, in attributes and between components, and nothing on the
way can escape, percent-encode or reorder its inside.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from app.core.entities import unescaped
from app.rendering.errors import DesignError, design_error
from app.rendering.markup import GONE_MASK, TAG_MASK, Item, read_markup
from app.rendering.mjml_check import check_block_tags, check_mjml
from app.rendering.mjml_rules import COMPONENTS
from app.rendering.tags import Token, quote_text, scan

LARGEST_SOURCE = 400_000
"""Characters of MJML; a mail is clipped at about 102,000 bytes."""
AUTHOR_STYLE = "/*design*/"
"""Marks the author's own styles, the only ones to be inlined."""

_STYLE = re.compile(r"(<mj-style\b[^>]*>)(.*?)(</mj-style\s*>)", re.DOTALL)
_COMMENT = re.compile(r"<!--(?!\[if\b)(?!<!\[endif).*?-->", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000-\ue002\ufffe\uffff\ud800-\udfff]")
_OPEN_IN_STYLE = "\ue002"


@dataclass
class Protected:
    """MJML without merge tags, and the tags by the number in their placeholder."""

    mjml: str = ""
    preheader: str = ""
    tags: list[Token] = field(default_factory=list)
    source: str = ""
    nonce: str = ""

    def word(self, number: int) -> str:
        """The placeholder of a tag in text and attributes."""
        return f"{self.nonce}n{number}z"

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds placeholders, whether they stand as words or as comments; group 1 is the number."""
        return re.compile(rf"<!--{self.nonce}n(\d+)z-->|{self.nonce}n(\d+)z")

    @property
    def block_pattern(self) -> re.Pattern[str]:
        """Finds the placeholders of conditions and loops only, as words."""
        numbers = "|".join(str(number) for number, tag in enumerate(self.tags) if tag.kind == "block")
        return re.compile(rf"{self.nonce}n(?:{numbers})z" if numbers else r"(?!)")

    def restore(self, text: str, form: Callable[[Token], str] | None = None) -> str:
        """The tags put back; every other opening brace is quoted, so it stays what it is: text."""
        pieces: list[str] = []
        at = 0
        for found in self.pattern.finditer(text):
            token = self.tags[int(found.group(1) or found.group(2))]
            pieces += quote_text(text[at : found.start()]), (form or written)(token)
            at = found.end()
        return "".join((*pieces, quote_text(text[at:])))


def written(token: Token) -> str:
    """A tag as template source."""
    return f"{{{{ {token.value} }}}}" if token.kind == "value" else f"{{% {token.value} %}}"


def protect(source: str) -> Protected:
    """Check the MJML and put every merge tag out of harm's way. Raises DesignError."""
    if len(source) > LARGEST_SOURCE:
        raise DesignError(
            f"The MJML has {len(source):,} characters; {LARGEST_SOURCE:,} is the most. Mail programs cut far earlier."
        )
    source = _CONTROL.sub("\ufffd", source.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"))
    tokens = scan(quiet(source))
    masked = _mask(source, tokens)
    items = read_markup(source, masked)
    check_mjml(source, masked, items)
    return _Builder(source, masked, items, [token for token in tokens if token.kind != "text"]).build()


def quiet(source: str) -> str:
    """The source, as long as before, without tags in comments, and without the `{#` that styles may have."""
    source = _COMMENT.sub(lambda found: re.sub(r"\{(?=[{%#])", _OPEN_IN_STYLE, found.group()), source)
    return _STYLE.sub(
        lambda found: found.group(1) + re.sub(r"\{(?=[{%#])", _OPEN_IN_STYLE, found.group(2)) + found.group(3), source
    )


def _mask(source: str, tokens: list[Token]) -> str:
    pieces: list[str] = []
    at = 0
    for token in tokens:
        pieces.append(GONE_MASK * (token.start - at))
        length = token.end - token.start
        pieces.append(source[token.start : token.end] if token.kind == "text" else TAG_MASK * length)
        at = token.end
    return "".join((*pieces, GONE_MASK * (len(source) - at)))


class _Builder:
    def __init__(self, source: str, masked: str, items: list[Item], tags: list[Token]) -> None:
        nonce = "m" + blake2b(source.encode(), digest_size=6).hexdigest()
        self.result = Protected(source=source, tags=tags, nonce=nonce)
        self.masked, self.items = masked, items
        self.owners: list[tuple[Token, int, bool]] = []
        self.numbers = {tag.start: number for number, tag in enumerate(tags)}

    def build(self) -> Protected:
        pieces: list[str] = []
        for index, item in enumerate(self.items):
            if item.kind == "text":
                pieces.append(self._text(item))
            elif item.kind == "comment":
                if self.masked.startswith("<!--[if", item.start) or self.masked.startswith("<!--<![endif", item.start):
                    pieces.append(self._fill(item.start, item.end, item.parent, as_word=True))
            elif item.kind == "close":
                pieces.append("" if item.name == "mj-preview" else f"</{item.name}>")
            elif item.name != "mj-preview":
                pieces.append(self._tag(item, index))
        check_block_tags(self.result.source, self.items, self.owners)
        self.result.mjml = "".join(pieces)
        return self.result

    def _text(self, item: Item) -> str:
        parent = self.items[item.parent].name if item.parent >= 0 else ""
        if parent == "mj-style":
            return self._style(item)
        if parent == "mj-preview":
            self.result.preheader = " ".join(self._as_template(item).split())
            return ""
        return self._fill(item.start, item.end, item.parent, as_word=parent in ("mj-title", "title"))

    def _style(self, item: Item) -> str:
        css = self.result.source[item.start : item.end]
        tag = re.search(r"\{\{|\{%", css)
        if tag:
            raise design_error(self.result.source, item.start + tag.start(), "Merge tags do not work in styles.")
        return AUTHOR_STYLE + css

    def _as_template(self, item: Item) -> str:
        pieces = []
        for number, piece in self._stretches(item.start, item.end):
            if number is None:
                pieces.append(quote_text(unescaped(piece)))
            else:
                pieces.append(written(self._take(number, item.parent, False)))
        return "".join(pieces)

    def _tag(self, item: Item, index: int) -> str:
        attributes = "".join(
            f' {attribute.name}="{self._attribute(attribute.start, attribute.end, index)}"'
            for attribute in item.attributes
            if not (item.name == "mj-style" and attribute.name == "inline")
        )
        return f"<{item.name}{attributes}{' /' if item.kind == 'empty' else ''}>"

    def _attribute(self, start: int, end: int, owner: int) -> str:
        before = len(self.owners)
        text = self._fill(start, end, owner, as_word=True, in_attribute=True)
        opened = sum(1 if token.value.startswith(("if", "for")) else 0 for token, _, _ in self.owners[before:])
        closed = sum(1 if token.value.startswith("end") else 0 for token, _, _ in self.owners[before:])
        if opened != closed:
            raise design_error(
                self.result.source, start, "A condition that begins in an attribute must end in the same attribute."
            )
        return text.replace('"', "&quot;")

    def _fill(self, start: int, end: int, owner: int, *, as_word: bool, in_attribute: bool = False) -> str:
        pieces = []
        for number, piece in self._stretches(start, end):
            if number is None:
                pieces.append(piece)
                continue
            token = self._take(number, owner, in_attribute)
            if token.kind == "value" and not in_attribute:
                self._check_value_place(token, self.items[owner].name)
            word = self.result.word(number)
            pieces.append(word if as_word or token.kind == "value" else f"<!--{word}-->")
        return "".join(pieces)

    def _stretches(self, start: int, end: int) -> list[tuple[int | None, str]]:
        """The masked text between two places: numbers of tags, and text (number None) without what is left out."""
        found: list[tuple[int | None, str]] = []
        at = start
        while at < end:
            if self.masked[at] == TAG_MASK:
                number = self.numbers[at]
                found.append((number, ""))
                at = self.result.tags[number].end
                continue
            stop = self.masked.find(TAG_MASK, at, end)
            stop = end if stop < 0 else stop
            found.append((None, self.masked[at:stop].replace(GONE_MASK, "")))
            at = stop
        return found

    def _take(self, number: int, owner: int, in_attribute: bool) -> Token:
        token = self.result.tags[number]
        if owner < 0:
            raise design_error(self.result.source, token.start, "Merge tags stand inside <mjml>, not outside it.")
        if token.kind == "block":
            self.owners.append((token, owner, in_attribute))
        return token

    def _check_value_place(self, token: Token, parent: str) -> None:
        if parent in COMPONENTS and not COMPONENTS[parent].content:
            raise design_error(
                self.result.source, token.start, f"A value directly in <{parent}> is lost: put it into an <mj-text>."
            )
