"""A design laid out for one way of sending: fixed text between numbered slots, and how each slot gets its value.

All that is the same for everybody is settled here, once: link suffixes become part of the fixed text, equal tags share
one slot, tags that only name an address need no engine. What remains for the engine is joined into one template per
kind of escaping, so that a person costs one call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from app.rendering.compiled import CompiledDesign, Link
from app.rendering.errors import DesignError
from app.rendering.expressions import ADDRESSES
from app.rendering.templates import Block, Branch, Node, Text, Value, parse

PREFIX, UNSUBSCRIBE, PREFERENCES, VIEW, PIXEL = range(5)
"""Slots that every plan has; those of the plan's own tags follow."""

_ADDRESS_SLOTS = {"unsubscribe_url": UNSUBSCRIBE, "preferences_url": PREFERENCES, "view_url": VIEW}
_PREHEADER_STYLE = (
    "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
)


@dataclass(frozen=True, slots=True)
class Part:
    """Fixed text and slots in turn: text, slot, text, slot … text."""

    texts: tuple[str, ...]
    slots: tuple[int, ...]


@dataclass
class Plan:
    """The parts of a mail, and what stands behind the slots from number 5 on."""

    subject: Part
    preheader: Part
    html: Part
    text: Part
    plain: dict[int, Node] = field(default_factory=dict)
    """Slots the engine fills without escaping."""
    markup: dict[int, Block] = field(default_factory=dict)
    """Slots with HTML of their own: conditions and loops of the HTML part."""
    personal: dict[int, Link] = field(default_factory=dict)
    """Slots with an address of this person alone."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The parsed parts of a mail."""

    subject: tuple[Node, ...]
    preheader: tuple[Node, ...]
    html: tuple[Node, ...]
    text: tuple[Node, ...]


def read_sources(design: CompiledDesign, subject: str, preheader: str) -> Sources:
    """Parse everything that has merge tags. Raises DesignError."""
    return Sources(
        subject=_parse_field("subject", subject),
        preheader=_parse_field("preheader", preheader or design.preheader),
        html=parse(_unix(design.html).rstrip("\n") + "\n", slots=True),
        text=parse(_unix(design.text).rstrip("\n") + "\n", slots=True),
    )


def _parse_field(name: str, text: str) -> tuple[Node, ...]:
    """A line of its own beside the design, so a mistake in it names it instead of a line of the design."""
    try:
        return parse(_unix(text))
    except DesignError as error:
        line = f", line {error.line}" if error.line and error.line > 1 else ""
        raise DesignError(f"In the {name}{line}, column {error.column or 1}: {error.message}") from error


def lay_out(sources: Sources, links: Sequence[Link], targets: Sequence[str] | None) -> Plan:
    """The plan for tracked mail (`targets` are the suffixes of the links) or untracked mail (None)."""
    layout = _Layout(links, targets)
    hidden: tuple[Node, ...] = ()
    if sources.preheader:
        head = Text(f'<div style="{_PREHEADER_STYLE}">')
        hidden = (head, *_escaped(sources.preheader), Text("</div>"))
    html = tuple(part for node in sources.html for part in (hidden if _slot_name(node) == "preheader" else (node,)))
    return Plan(
        subject=layout.part(sources.subject),
        preheader=layout.part(sources.preheader),
        html=layout.part(html, markup=True),
        text=layout.part(sources.text),
        plain=layout.plain,
        markup=layout.markup,
        personal=layout.personal,
    )


class _Layout:
    def __init__(self, links: Sequence[Link], targets: Sequence[str] | None) -> None:
        self.links, self.targets = links, targets
        self.plain: dict[int, Node] = {}
        self.markup: dict[int, Block] = {}
        self.personal: dict[int, Link] = {}
        self._next = PIXEL + 1
        self._known: dict[str, int] = {}
        for link in links:
            if link.is_personal:
                self.personal[self._take(f"link:{link.index}")] = link

    def part(self, nodes: tuple[Node, ...], *, markup: bool = False) -> Part:
        texts, slots = [""], list[int]()
        for node in nodes:
            for piece in self._pieces(node, markup):
                if isinstance(piece, str):
                    texts[-1] += piece
                else:
                    slots.append(piece)
                    texts.append("")
        return Part(tuple(texts), tuple(slots))

    def _pieces(self, node: Node, markup: bool) -> list[str | int]:
        if isinstance(node, Text):
            return [node.text]
        if isinstance(node, Block):
            number = self._take(None)
            if markup:
                self.markup[number] = node
            else:
                self.plain[number] = node
            return [number]
        name = _slot_name(node)
        if name in _ADDRESS_SLOTS:
            return [_ADDRESS_SLOTS[name]]
        if name == "pixel":
            return [PIXEL]
        if name.startswith("link_"):
            return self._link(int(name.removeprefix("link_")), markup)
        number = self._take("value:" + node.expression.code)
        self.plain[number] = node
        return [number]

    def _link(self, index: int, markup: bool) -> list[str | int]:
        if index >= len(self.links):
            raise DesignError(f"The design has no link {index}: compile it again.")
        link = self.links[index]
        if link.is_personal:
            return [self._take(f"link:{link.index}")]
        if self.targets is None:
            return [escape(link.url) if markup else link.url]
        suffix = self.targets[link.index]
        return [PREFIX, escape(suffix) if markup else suffix]

    def _take(self, key: str | None) -> int:
        if key is not None and key in self._known:
            return self._known[key]
        number = self._next
        self._next += 1
        if key is not None:
            self._known[key] = number
        return number


def _slot_name(node: Node) -> str:
    """The name in a tag that is one of our own places or an address and nothing else."""
    if isinstance(node, Value) and not node.expression.filters:
        code = node.expression.code
        if code in ADDRESSES or code in ("pixel", "preheader") or (code.startswith("link_") and code[5:].isdigit()):
            return code
    return ""


def _escaped(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Plain text's tree as HTML's: the fixed text escaped; values are escaped when they are filled in."""
    return tuple(_escaped_node(node) for node in nodes)


def _escaped_node(node: Node) -> Node:
    if isinstance(node, Text):
        return Text(escape(node.text))
    if isinstance(node, Block):
        arms = tuple(Branch(arm.head, arm.expression, _escaped(arm.body)) for arm in node.branches)
        return Block(node.kind, arms, node.start)
    return node


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
