"""Merge tags found in a text: `{{ value }}`, `{% if %}`, `{# note #}` and `{% raw %}`; the rest is text as it stands.

One scanner serves the source (MJML, subject) and the compiled design. It knows the quotes inside tags, so a `}}` in a
string ends nothing, and it settles what would trip everything behind it: whitespace control (`{%-`), notes and raw
blocks are gone after `scan`.
"""

import re
from dataclasses import dataclass
from typing import Literal

from app.rendering.errors import design_error

LONGEST_TAG = 1000
"""Characters in one tag; more is never typed by hand."""

_OPEN = re.compile(r"\{[{%#]")
_BODY = {
    # Atomic groups; the shorter possessive form `*+` does not match these in Python 3.11.2, which Debian 12 has.
    "{{": re.compile(r"""(?>(?:[^"'}]|"[^"]*"|'[^']*'|\}(?!\}))*)\}\}"""),
    "{%": re.compile(r"""(?>(?:[^"'%]|"[^"]*"|'[^']*'|%(?!\}))*)%\}"""),
    "{#": re.compile(r"(?>(?:[^#]|#(?!\}))*)#\}"),
}
_END_RAW = re.compile(r"\{%([-+]?)\s*endraw\s*([-+]?)%\}")
_CLOSER = {"{{": "}}", "{%": "%}", "{#": "#}"}


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of text (`value` is what it says) or a tag (`value` is what stands between the braces)."""

    kind: Literal["text", "value", "block"]
    value: str
    start: int
    end: int


def scan(source: str) -> list[Token]:
    """The tokens of a template, in order. Raises DesignError for a tag that is not closed."""
    tokens: list[Token] = []
    strip_next = False
    at = 0
    while True:
        opened = _OPEN.search(source, at)
        if opened is None:
            _add_text(tokens, source, at, len(source), strip_next, False)
            return tokens
        brace = opened.group()
        end = _end_of_tag(source, opened.start(), brace)
        inner = source[opened.end() : end - 2]
        _add_text(tokens, source, at, opened.start(), strip_next, inner[:1] == "-")
        strip_next = inner[-1:] == "-"
        inner = inner.removeprefix("-").removeprefix("+").removesuffix("-").removesuffix("+")
        if brace == "{%" and inner.strip() == "raw":
            end, strip_next = _add_raw(tokens, source, opened.start(), end, strip_next)
        elif brace != "{#":
            kind: Literal["value", "block"] = "value" if brace == "{{" else "block"
            tokens.append(Token(kind, inner.strip(), opened.start(), end))
        at = end


def quote_text(text: str) -> str:
    """A text as template source that says exactly this text."""
    return _OPEN.sub(lambda found: '{{ "' + found.group() + '" }}', text)


def constant(expression: str) -> str | None:
    """The text of an expression that is nothing but a quoted opening brace, as `quote_text` writes it."""
    return expression[1:-1] if expression in ('"{{"', '"{%"', '"{#"') else None


def _end_of_tag(source: str, start: int, brace: str) -> int:
    body = _BODY[brace].match(source, start + 2)
    if body is None:
        quote = "" if brace == "{#" else " Look for a quotation mark that is not closed, too."
        raise design_error(source, start, f"This {brace} is never closed: end the tag with {_CLOSER[brace]}.{quote}")
    if brace != "{#" and body.end() - start > LONGEST_TAG:
        raise design_error(
            source,
            start,
            f"This tag is longer than {LONGEST_TAG} characters. Is its {_CLOSER[brace]} missing?",
        )
    return body.end()


def _add_raw(tokens: list[Token], source: str, start: int, at: int, strip_first: bool) -> tuple[int, bool]:
    closed = _END_RAW.search(source, at)
    if closed is None:
        raise design_error(source, start, "This {% raw %} is never closed: add {% endraw %}.")
    _add_text(tokens, source, at, closed.start(), strip_first, closed.group(1) == "-")
    return closed.end(), closed.group(2) == "-"


def _add_text(tokens: list[Token], source: str, start: int, end: int, strip_left: bool, strip_right: bool) -> None:
    text = source[start:end]
    if strip_left:
        start += len(text) - len(text.lstrip())
    if strip_right:
        end -= len(text) - len(text.rstrip())
    if start < end:
        tokens.append(Token("text", source[start:end], start, end))
