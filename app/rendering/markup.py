"""MJML source as a list of tags, texts and comments with their places; complains about what is not well formed.

The renderer says neither where nor what. This reader knows both, and is strict about what the renderer needs: closed
tags, quoted attributes, no bare `<`.
"""

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from app.rendering.errors import design_error, position
from app.rendering.mjml_rules import VOID_TAGS

DEEPEST = 100
"""Tags inside each other; the renderer calls itself for each, and real mails stay below 30."""

LONGEST_TAG = 20_000
"""Characters in one tag with its attributes; an image as data may take most of it."""

TAG_MASK = "\ue000"
"""Stands for each character of a merge tag, so that its content cannot disturb the markup."""
GONE_MASK = "\ue001"
"""Stands for each character that is left out: notes and blanks trimmed by `{%-`."""

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_CLOSE = re.compile(rf"</([A-Za-z][\w:.-]*)[\s{GONE_MASK}]*>")
_OPEN = re.compile(r"""<([A-Za-z][\w:.-]*)((?>(?:[^<>"']|"[^"]*"|'[^']*')*))>""")
_ATTRIBUTE = re.compile(
    rf"""(?>[\s{GONE_MASK}]*)([^\s"'<>/={TAG_MASK}{GONE_MASK}]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>]+))?"""
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `start` and `end` enclose the value without its quotes."""

    name: str
    value: str
    at: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch of the source. For tags, `name` is the tag's; `parent` is the number of the enclosing open tag."""

    kind: Literal["open", "close", "empty", "text", "comment"]
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    parent: int = -1


def read_markup(source: str, masked: str) -> list[Item]:
    """The items of the masked source, in order, covering all of it. Raises DesignError with places in `source`."""
    return _Reader(source, masked).read()


class _Reader:
    def __init__(self, source: str, masked: str) -> None:
        self.source, self.masked = source, masked
        self.items: list[Item] = []
        self.open: list[int] = []

    def read(self) -> list[Item]:
        at = 0
        while at < len(self.masked):
            found = self.masked.find("<", at)
            found = len(self.masked) if found < 0 else found
            if found > at:
                self._add(Item("text", at, found, parent=self._parent))
            at = self._tag(found) if found < len(self.masked) else found
        if self.open:
            last = self.items[self.open[-1]]
            raise design_error(self.source, last.start, f"<{last.name}> is never closed: add </{last.name}>.")
        return self.items

    @property
    def _parent(self) -> int:
        return self.open[-1] if self.open else -1

    def _add(self, item: Item) -> int:
        self.items.append(item)
        return len(self.items) - 1

    def _tag(self, at: int) -> int:
        if self.masked.startswith("<!--", at):
            return self._comment(at)
        if closing := _CLOSE.match(self.masked, at):
            self._close(at, closing)
            return closing.end()
        opening = _OPEN.match(self.masked, at)
        if opening is None:
            self._refuse(at)
        self._open(at, opening)
        return opening.end()

    def _comment(self, at: int) -> int:
        comment = _COMMENT.match(self.masked, at)
        if comment is None:
            raise design_error(self.source, at, "This comment is never closed: add -->.")
        self._add(Item("comment", at, comment.end(), parent=self._parent))
        return comment.end()

    def _close(self, at: int, closing: re.Match[str]) -> None:
        name = closing.group(1)
        if not self.open:
            raise design_error(self.source, at, f"</{name}> closes nothing: no tag is open here.")
        opened = self.items[self.open[-1]]
        if opened.name != name:
            line, column = position(self.source, opened.start)
            raise design_error(
                self.source,
                at,
                f"</{name}> comes too early: <{opened.name}> of line {line}, column {column} is still open.",
            )
        self.open.pop()
        self._add(Item("close", at, closing.end(), name, parent=self._parent))

    def _open(self, at: int, opening: re.Match[str]) -> None:
        name, inside = opening.group(1), opening.group(2)
        if len(inside) > LONGEST_TAG:
            raise design_error(self.source, at, f"<{name}> is longer than {LONGEST_TAG:,} characters.")
        empty = inside.endswith("/") or (name in VOID_TAGS)
        attributes = self._attributes(opening.start(2), opening.end(2) - inside.endswith("/"))
        number = self._add(Item("empty" if empty else "open", at, opening.end(), name, tuple(attributes), self._parent))
        if not empty:
            self.open.append(number)
            if len(self.open) > DEEPEST:
                raise design_error(self.source, at, f"More than {DEEPEST} tags inside each other.")

    def _attributes(self, at: int, end: int) -> list[Attribute]:
        found: list[Attribute] = []
        while self.masked[at:end].strip(f" \t\r\n{GONE_MASK}"):
            match = _ATTRIBUTE.match(self.masked, at, end)
            if match is None:
                while self.masked[at] in f" \t\r\n{GONE_MASK}":
                    at += 1
                if self.masked[at] == TAG_MASK:
                    raise design_error(
                        self.source, at, "A merge tag may stand in the value of an attribute, not between attributes."
                    )
                raise design_error(self.source, at, f"“{self.masked[at]}” has no place in a tag: is a quote missing?")
            found.append(self._attribute(match))
            if sum(attribute.name == found[-1].name for attribute in found) > 1:
                raise design_error(self.source, match.start(1), f"The attribute {found[-1].name} stands here twice.")
            at = match.end()
        return found

    def _attribute(self, match: re.Match[str]) -> Attribute:
        name, value = match.group(1), match.group(2)
        if value is None:
            return Attribute(name, "", match.start(1), match.end(), match.end())
        quoted = value[0] in "\"'"
        start, end = match.start(2) + quoted, match.end(2) - quoted
        if "<" in self.masked[start:end]:
            raise design_error(self.source, start, f"The value of {name} has a bare <: write &lt;.")
        return Attribute(name, self.masked[start:end], match.start(1), start, end)

    def _refuse(self, at: int) -> NoReturn:
        following = self.masked[at + 1 : at + 2]
        if following in ("!", "?"):
            what = "Declarations (<!…>, <?…>) have no place in MJML: remove it."
        elif following.isalpha() or following == "/":
            what = "This tag is never closed with >. Look for a quotation mark that is not closed, too."
        else:
            what = "A bare < is not allowed in text: write &lt;. (In conditions, turn it round: 3 > a.)"
        raise design_error(self.source, at, what)
