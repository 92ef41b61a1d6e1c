"""Tokens → a tree of text, values, conditions and loops, checked; and the tree → source for the engine."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.rendering.errors import design_error
from app.rendering.expressions import ADDRESSES, NAMESPACES, Expression, check_expression
from app.rendering.filters import did_you_mean
from app.rendering.tags import Token, constant, quote_text, scan

DEEPEST = 20
"""Conditions and loops inside each other."""

_FOR = re.compile(r"for\s+([A-Za-z][A-Za-z0-9_]*)\s+in\s+(.+)", re.DOTALL)
_LIST = re.compile(r"""[A-Za-z][\w]*(?:\s*\.\s*\w+|\s*\[\s*(?:"[^"]*"|'[^']*')\s*\])+|[A-Za-z]\w*""")
_WORDS = frozenset({"if", "elif", "else", "endif", "for", "endfor", "raw"})
_RESERVED = NAMESPACES | ADDRESSES | {"loop", "link", "pixel", "preheader"}


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """A tag that puts a value in its place."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Branch:
    """One arm of a condition or the body of a loop: what the engine reads in the tag, and the content."""

    head: str
    expression: Expression | None
    body: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A condition or a loop, with all its arms."""

    kind: str
    branches: tuple[Branch, ...]
    start: int


Node = Text | Value | Block


def parse(source: str, *, slots: bool = False) -> tuple[Node, ...]:
    """The tree of a template. Raises DesignError for the first mistake; `slots` admits `{{ link_0 }}` and its like."""
    reader = _Reader(source, scan(source), slots)
    return reader.read_all()


def to_source(nodes: tuple[Node, ...]) -> str:
    """The tree as source for the engine, fields under their flat names."""
    return "".join(_node_source(node) for node in nodes)


def expressions(nodes: tuple[Node, ...]) -> Iterator[Expression]:
    """Every expression in the tree, in order."""
    for node in nodes:
        if isinstance(node, Value):
            yield node.expression
        elif isinstance(node, Block):
            for branch in node.branches:
                if branch.expression is not None:
                    yield branch.expression
                yield from expressions(branch.body)


def fields(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    """The fields the tree names, each once, in order."""
    return tuple(dict.fromkeys(field for expression in expressions(nodes) for field in expression.fields))


class _Reader:
    def __init__(self, source: str, tokens: list[Token], slots: bool) -> None:
        self.source, self.tokens, self.slots = source, tokens, slots
        self.at = 0

    def read_all(self) -> tuple[Node, ...]:
        nodes = self._nodes(frozenset(), 0)
        if self.at < len(self.tokens):
            stray = self.tokens[self.at]
            raise design_error(self.source, stray.start, f"{{% {stray.value} %}} closes nothing: no tag is open here.")
        return nodes

    def _nodes(self, names: frozenset[str], depth: int) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "block":
                word = token.value.split(maxsplit=1)[0] if token.value else ""
                if word in ("elif", "else", "endif", "endfor"):
                    break
                nodes.append(self._block(token, word, names, depth))
                continue
            self.at += 1
            if token.kind == "text":
                nodes.append(Text(token.value))
            elif (text := constant(token.value)) is not None:
                nodes.append(Text(text))
            else:
                nodes.append(Value(self._expression(token, token.value, names)))
        return tuple(nodes)

    def _block(self, token: Token, word: str, names: frozenset[str], depth: int) -> Block:
        if depth >= DEEPEST:
            raise design_error(self.source, token.start, f"More than {DEEPEST} conditions or loops inside each other.")
        if word == "if":
            return self._condition(token, names, depth)
        if word == "for":
            return self._loop(token, names, depth)
        hint = did_you_mean(word, _WORDS) or " Conditions ({% if %}) and loops ({% for %}) are."
        raise design_error(self.source, token.start, f"{{% {word} %}} is not available in mails.{hint}")

    def _condition(self, opened: Token, names: frozenset[str], depth: int) -> Block:
        branches: list[Branch] = []
        token, ended = opened, False
        while True:
            word, rest = (*token.value.split(maxsplit=1), "")[:2]
            if word in ("if", "elif"):
                if ended:
                    raise design_error(self.source, token.start, "{% elif %} cannot follow {% else %}.")
                expression = self._expression(token, rest.strip(), names)
                head = f"{word} {expression.code}"
            else:
                expression, head, ended = None, "else", True
            self.at += 1
            branches.append(Branch(head, expression, self._nodes(names, depth + 1)))
            token = self._closing(opened, "if", "endif")
            if token.value == "endif":
                self.at += 1
                return Block("if", tuple(branches), opened.start)
            if token.value == "else" and ended:
                raise design_error(self.source, token.start, "This {% if %} has two {% else %}.")

    def _loop(self, opened: Token, names: frozenset[str], depth: int) -> Block:
        form = _FOR.fullmatch(opened.value)
        listed = form.group(2).strip() if form else ""
        if form is None or not _LIST.fullmatch(listed):
            raise design_error(
                self.source,
                opened.start,
                "A loop walks over a list that the person has: write {% for item in subscriber.items %}.",
            )
        name = form.group(1)
        if name in _RESERVED or name in names or name in ("in", "not", "is", "and", "or", "if", "else"):
            raise design_error(self.source, opened.start, f'"{name}" is taken: choose another name in this loop.')
        expression = self._expression(opened, listed, names)
        self.at += 1
        body = self._nodes(names | {name, "loop"}, depth + 1)
        branches = [Branch(f"for {name} in {expression.code}", expression, body)]
        token = self._closing(opened, "for", "endfor")
        if token.value == "else":
            self.at += 1
            branches.append(Branch("else", None, self._nodes(names, depth + 1)))
            token = self._closing(opened, "for", "endfor")
        if token.value != "endfor":
            raise design_error(self.source, token.start, f"{{% {token.value} %}} does not belong in a loop.")
        self.at += 1
        return Block("for", tuple(branches), opened.start)

    def _closing(self, opened: Token, kind: str, closer: str) -> Token:
        if self.at >= len(self.tokens):
            raise design_error(self.source, opened.start, f"This {{% {kind} %}} is never closed: add {{% {closer} %}}.")
        token = self.tokens[self.at]
        word = token.value.split(maxsplit=1)[0]
        if word in ("endif", "endfor") and word != closer:
            raise design_error(self.source, token.start, f"{{% {word} %}} comes before {{% {closer} %}}.")
        if word != "elif" and word != token.value:
            raise design_error(self.source, token.start, f"{{% {word} %}} takes nothing behind it.")
        return token

    def _expression(self, token: Token, text: str, names: frozenset[str]) -> Expression:
        return check_expression(self.source, text, token.start, names=names, slots=self.slots)


def _node_source(node: Node) -> str:
    if isinstance(node, Text):
        return quote_text(node.text)
    if isinstance(node, Value):
        return f"{{{{ {node.expression.code} }}}}"
    arms = "".join(f"{{% {branch.head} %}}{to_source(branch.body)}" for branch in node.branches)
    return f"{arms}{{% end{node.kind} %}}"
