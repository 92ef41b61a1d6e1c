"""The template engine, fenced in: one call fills every slot of a plan for one person.

Values of different slots come back in one text, divided by NUL, which no value can contain (`to_text` drops it; should
the count be wrong anyway, each slot is filled by itself). Fuel and the length of what a loop repeats are limited
together, so a loop in a loop ends in milliseconds and with a bounded text.
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from minijinja import Environment, TemplateError, safe

from app.rendering.errors import RenderError
from app.rendering.expressions import variable
from app.rendering.filters import FILTERS, to_text
from app.rendering.plan import Plan
from app.rendering.templates import Block, Branch, Node, Text, Value, fields, parse, to_source

FUEL = 50_000
"""Steps of the engine for one person; a usual newsletter takes fewer than 200."""
MOST_REPEATED = 4_000_000
"""Characters that loops may produce for one person."""

_DIVIDER = "\0"
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_LINK = re.compile(r"\blink_(\d+)\b")


class Engine:
    """Fills the slots of one plan. Reading only after construction, so threads may share it."""

    def __init__(self, plan: Plan) -> None:
        urls = {number: _for_url(parse(link.url)) for number, link in plan.personal.items()}
        plain = {number: (node,) for number, node in plan.plain.items()}
        markup = {number: (node,) for number, node in plan.markup.items()}
        blocks = [nodes for nodes in (*plain.values(), *markup.values()) if isinstance(nodes[0], Block)]
        self.links_in_blocks = {int(index) for nodes in blocks for index in _LINK.findall(to_source(nodes))}
        every = [*urls.values(), *plain.values(), *markup.values()]
        paths = dict.fromkeys(path for nodes in every for path in fields(nodes))
        self.addresses = [path for path in paths if "." not in path]
        self._fields = [(variable(path), *path.split(".", 2)) for path in paths if path.count(".") == 1]
        self._deep = [(variable(path), path.split(".")) for path in paths if path.count(".") > 1]
        fuel = _fuel(every)
        self._urls = _Fill(urls, fuel, to_text)
        self._plain = _Fill(plain, fuel, to_text)
        self._markup = _Fill(markup, fuel, _to_html)

    def context(self, spaces: Mapping[str, Mapping[str, object]]) -> dict[str, Any]:
        """The values of the fields that the templates name, under their flat names."""
        context: dict[str, Any] = {name: spaces[space].get(key) for name, space, key in self._fields}
        for name, (space, *keys) in self._deep:
            context[name] = _look_up(spaces[space], keys)
        return context

    def fill_links(self, context: dict[str, Any]) -> dict[int, str]:
        """The targets of the personal links; `#` for one that is no web address."""
        filled = self._urls.fill(context)
        return {number: url if _WEB.match(url) else "#" for number, url in filled.items()}

    def fill(self, context: dict[str, Any]) -> dict[int, str]:
        """The text of every other slot; those of `Plan.markup` are HTML, the rest plain. Raises RenderError."""
        return self._plain.fill(context) | self._markup.fill(context)


class _Fill:
    """Slots with one kind of escaping, joined into one template."""

    def __init__(self, parts: Mapping[int, tuple[Node, ...]], fuel: int, finalizer: Callable[[object], str]) -> None:
        self._parts = parts
        self._engine = Environment(
            filters={**FILTERS, "url_head": url_head, "url_part": url_part},
            fuel=fuel,
            undefined_behavior="chainable",
            finalizer=finalizer,
            auto_escape_callback=lambda _name: False,
            keep_trailing_newline=True,
            debug=False,
            pycompat=False,
        )
        self._engine.add_template("all", _DIVIDER.join(to_source(nodes) for nodes in parts.values()))

    def fill(self, context: dict[str, Any]) -> dict[int, str]:
        if not self._parts:
            return {}
        try:
            values = self._engine.render_template("all", **context).split(_DIVIDER)
        except TemplateError:
            values = []
        if len(values) != len(self._parts):
            values = [self._fill_one(nodes, context) for nodes in self._parts.values()]
        return dict(zip(self._parts, values, strict=True))

    def _fill_one(self, nodes: tuple[Node, ...], context: dict[str, Any]) -> str:
        """One slot by itself: the way to name the tag that fails."""
        try:
            return self._engine.render_str(to_source(nodes), **context).replace(_DIVIDER, "")
        except TemplateError as error:
            tag = _describe(nodes)
            reason = "it repeats too often" if error.kind == "OutOfFuel" else error.detail or error.message
            raise RenderError(
                f"{tag} cannot be filled in for this person: {reason}. Change the tag or the person's data.", tag=tag
            ) from error


def _for_url(nodes: tuple[Node, ...], *, head: bool = True) -> tuple[Node, ...]:
    """The tree with every value percent-encoded; one at the very start may be a whole address."""
    return tuple(_url_node(node, head=head and index == 0) for index, node in enumerate(nodes))


def _url_node(node: Node, *, head: bool) -> Node:
    if isinstance(node, Text):
        return node
    if isinstance(node, Block):
        arms = tuple(Branch(arm.head, arm.expression, _for_url(arm.body, head=head)) for arm in node.branches)
        return Block(node.kind, arms, node.start)
    old = node.expression
    code = f"({old.code}) | {'url_head' if head else 'url_part'}"
    return Value(type(old)(old.source, code, old.fields, old.filters, old.start))


def url_head(value: object = None) -> str:
    """A whole web address, or the beginning of one; `#` for anything else."""
    url = quote(to_text(value).strip(), safe=":/?#[]@!$&'()*+,;=%-._~", errors="replace")
    return url if _WEB.match(url) else "#"


def url_part(value: object = None) -> str:
    """A part of a web address, percent-encoded."""
    return quote(to_text(value), safe="-._~", errors="replace")


def _to_html(value: object) -> str:
    return safe(escape(to_text(value)))


def _fuel(parts: list[tuple[Node, ...]]) -> int:
    repeated = max((len(to_source((node,))) for nodes in parts for node in nodes if _has_loop(node)), default=0)
    return min(FUEL, 2_000 + MOST_REPEATED // repeated) if repeated else FUEL


def _has_loop(node: Node) -> bool:
    if not isinstance(node, Block):
        return False
    return node.kind == "for" or any(_has_loop(child) for arm in node.branches for child in arm.body)


def _look_up(space: Mapping[str, object], keys: list[str]) -> object:
    value: object = space
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _describe(nodes: tuple[Node, ...]) -> str:
    node = next((node for node in nodes if not isinstance(node, Text)), None)
    if isinstance(node, Value):
        return f"{{{{ {node.expression.source} }}}}"
    if isinstance(node, Block):
        first = node.branches[0].expression
        return f"{{% {node.kind} … {first.source if first else ''} %}}"
    return "The text"
