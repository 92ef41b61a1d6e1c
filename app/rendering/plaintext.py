"""The plain text part, made from the HTML: the same words in the same order, for people and programs without HTML.

Works on the lxml tree while merge tags are still placeholders; comments that hold a `{% … %}` keep their place.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WIDTH = 72

_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt", "figcaption"}
    | {"figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"}
    | {"section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"}
)
_SKIPPED = frozenset({"head", "script", "style", "template", "noscript", "title"})
_UNDERLINES = {"h1": "=", "h2": "-"}
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_BREAK = "\n"


def to_plain_text(body: Any, marker: re.Pattern[str], targets: Mapping[str, str]) -> str:
    """The text of an element. `marker` finds the placeholders of `{% … %}`; `targets` are what placed links lead to."""
    writer = _Writer(marker, targets)
    writer.element(body, _Indent())
    return writer.finish()


@dataclass(frozen=True)
class _Indent:
    """What stands before the first line of the next block and before all others."""

    first: str = ""
    rest: str = ""


@dataclass
class _Writer:
    marker: re.Pattern[str]
    targets: Mapping[str, str]
    blocks: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    waiting: str = ""
    """`{% … %}` between blocks: written directly before the next one, so that it leaves no empty line."""
    tight: bool = False
    """Whether blocks follow each other without an empty line, as in lists and tables."""
    gap: bool = False
    """An empty line is due; it is written behind what waits, so it belongs to the block that needs it, except before
    the first line of a list or table, whose loop must not repeat it."""

    def element(self, element: Any, indent: _Indent) -> None:
        tag = element.tag
        if not isinstance(tag, str):
            self._comment(element)
            return
        if tag in _SKIPPED or _HIDDEN.search(element.get("style") or ""):
            return
        if tag == "br":
            self.words.append(_BREAK)
        elif tag == "img":
            self._text(f" {element.get('alt') or ''} ")
        elif tag == "hr":
            self._flush(indent)
            self._block("-" * 20)
        elif tag == "table" and element.get("role") not in ("presentation", "none"):
            self._flush(indent)
            self._data_table(element, indent)
        elif tag in ("ul", "ol"):
            self._flush(indent)
            self._list(element, indent)
        elif tag == "a":
            self._link(element, indent)
        elif tag in _BLOCKS:
            self._flush(indent)
            inner = _Indent(indent.first + "> ", indent.rest + "> ") if tag == "blockquote" else indent
            self._children(element, inner)
            self._flush(inner, _UNDERLINES.get(tag, ""))
        else:
            self._children(element, indent)

    def finish(self) -> str:
        self._flush(_Indent())
        return "".join(self.blocks) + self.waiting

    def _children(self, element: Any, indent: _Indent) -> None:
        self._text(element.text or "")
        for child in element:
            self.element(child, indent)
            self._text(child.tail or "")

    def _text(self, text: str) -> None:
        self.words.append(
            re.sub(r"[\s\u200b\u200c\u200d\u2060\ufeff\u034f\xad\u2007-\u200a]+", " ", text) if text else ""
        )

    def _comment(self, element: Any) -> None:
        text = (element.text or "").strip() if element.tag.__name__ == "Comment" else ""
        if self.marker.fullmatch(text):
            self.words.append(text)

    def _link(self, element: Any, indent: _Indent) -> None:
        start = len(self.words)
        self._children(element, indent)
        label = " ".join("".join(self.words[start:]).split())
        href = (element.get("href") or "").strip()
        address = href.removeprefix("mailto:").removeprefix("tel:")
        if not address or href.startswith("#") or address == label:
            return
        if label and self.targets.get(address) == label:
            self.words[start:] = [address]
            return
        self.words.append(f" ({address})" if label else address)

    def _list(self, element: Any, indent: _Indent) -> None:
        outer = self._begin_tight()
        number = 0
        for child in element:
            if child.tag == "li":
                number += 1
                sign = f"{number}. " if element.tag == "ol" else "- "
                self._item(child, sign, indent)
            else:
                self.element(child, indent)
                self._flush(indent)
        self._end_tight(outer)

    def _item(self, element: Any, sign: str, indent: _Indent) -> None:
        first = _Indent(indent.first + sign, indent.rest + " " * len(sign))
        later = _Indent(first.rest, first.rest)
        count = len(self.blocks)
        self._text(element.text or "")
        for child in element:
            if child.tag in _BLOCKS:
                self._flush(first if len(self.blocks) == count else later)
            self.element(child, first if len(self.blocks) == count else later)
            self._text(child.tail or "")
        self._flush(first if len(self.blocks) == count else later)

    def _data_table(self, element: Any, indent: _Indent) -> None:
        outer = self._begin_tight()
        for row in element.iter():
            if not isinstance(row.tag, str):
                if row.getparent().tag in ("table", "thead", "tbody", "tfoot"):
                    self._comment(row)
                    self._flush(indent)
            elif row.tag in ("tr", "caption"):
                self._row(row, indent)
        self._end_tight(outer)

    def _begin_tight(self) -> bool:
        outer, self.tight = self.tight, True
        return outer

    def _end_tight(self, outer: bool) -> None:
        self.tight = outer
        self.gap = self.gap or (not outer and bool(self.blocks))

    def _row(self, row: Any, indent: _Indent) -> None:
        cells = []
        for cell in [row] if row.tag == "caption" else [cell for cell in row if cell.tag in ("td", "th")]:
            inner = _Writer(self.marker, self.targets, tight=True)
            inner._children(cell, _Indent())
            cells.append(" ".join(inner.finish().split()))
        self.words.append(" | ".join(cell for cell in cells if cell))
        self._flush(indent)

    def _flush(self, indent: _Indent, underline: str = "") -> None:
        """End the block that is being written."""
        lines = [" ".join(line.split()) for line in "".join(self.words).split(_BREAK)]
        self.words = []
        text = "\n".join(lines).strip("\n")
        if not text:
            return
        if not self.marker.sub("", text).strip():
            self.waiting += text.replace("\n", "")
            return
        later = _Indent(indent.rest, indent.rest)
        lines = text.split("\n")
        block = "\n".join([self._wrap(lines[0], indent), *(self._wrap(line, later) for line in lines[1:])])
        if underline:
            block += "\n" + underline * min(max(map(len, block.split("\n"))), WIDTH)
        self._block(block)

    def _wrap(self, line: str, indent: _Indent) -> str:
        if not line:
            return ""
        return textwrap.fill(
            line,
            WIDTH,
            initial_indent=indent.first,
            subsequent_indent=indent.rest,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _block(self, text: str) -> None:
        gap = "\n" if self.gap else ""
        lead = gap + self.waiting if self.tight else self.waiting + gap
        self.blocks.append(f"{lead}{text}\n")
        self.waiting, self.gap = "", not self.tight
