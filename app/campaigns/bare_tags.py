"""Merge tags that show a personal field with nothing to fall back on, and what people without it would read."""

import re
from dataclasses import dataclass

from app.rendering.errors import DesignError
from app.rendering.expressions import Expression
from app.rendering.protect import quiet
from app.rendering.templates import Block, Node, Value, parse

_AROUND = 30
_MARKUP = re.compile(r"<[^>]*>")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
ALWAYS_THERE = frozenset({"email"})


@dataclass(frozen=True, slots=True)
class BareTag:
    """The field without its `subscriber.`; the part it stands in; the words around it with a gap in their midst."""

    field: str
    where: str
    gap: str


def bare_tags(source: str, where: str) -> list[BareTag]:
    """The bare tags of a subject, a preheader or MJML, in order. None in a source that cannot be read."""
    try:
        nodes = parse(quiet(source))
    except DesignError:
        return []
    return [
        BareTag(name.split(".")[1], where, _gap(source, tag.start))
        for tag in _bare(nodes, frozenset())
        for name in tag.fields
        if name.startswith("subscriber.") and name.split(".")[1] not in ALWAYS_THERE
    ]


def _bare(nodes: tuple[Node, ...], sure: frozenset[str]) -> list[Expression]:
    """A condition on the field around the tag makes sure of it."""
    found: list[Expression] = []
    for node in nodes:
        if isinstance(node, Value):
            guarded = {"fallback", "default"} & set(node.expression.filters)
            if not guarded and not set(node.expression.fields) <= sure:
                found.append(node.expression)
        elif isinstance(node, Block):
            for arm in node.branches:
                tested = frozenset(arm.expression.fields) if arm.expression is not None else frozenset()
                found += _bare(arm.body, sure | tested)
    return found


def _gap(source: str, start: int) -> str:
    """The sentence around the tag as it reads without a value."""
    opened = source.rfind("{{", 0, start + 2)
    closed = source.find("}}", opened) + 2
    before = _TAG.sub("…", _MARKUP.sub("\n", source[:opened])).rsplit("\n", 1)[-1]
    after = _TAG.sub("…", _MARKUP.sub("\n", source[closed:])).split("\n", 1)[0]
    return (before[-_AROUND:] + after[:_AROUND]).strip()
