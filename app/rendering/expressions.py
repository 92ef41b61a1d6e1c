"""What may stand inside a merge tag: fields, comparisons, a few tests, the filters of `app/rendering/filters.py`.

No calls, no multiplication and no names that begin with `_`: nothing here can reach into Python or grow without bound.
Fields (`subscriber.first_name`) are renamed to one flat variable each, so that a template only ever sees the values it
names, looked up as plain mapping keys, never as attributes of our objects.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from minijinja import Environment, TemplateError

from app.rendering.errors import design_error
from app.rendering.filters import FILTERS, did_you_mean

NAMESPACES = frozenset({"subscriber", "campaign", "workspace", "mail"})
ADDRESSES = frozenset({"unsubscribe_url", "preferences_url", "view_url"})
TESTS = frozenset({"defined", "undefined", "none", "number", "string"})
SUBSCRIBER_KEYS = ("email", "first_name", "last_name", "name")
"""What every subscriber has; attributes come on top."""
URL_FILTERS = frozenset({"url_head", "url_part"})
"""Set by the compiler where a value becomes part of an address."""
_PEOPLE = frozenset({"person", "contact", "recipient", "user", "customer", "member", "reader", "client"})
"""What other programs call a subscriber."""
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"})
_SLOT = re.compile(r"link_\d{1,4}|preheader|pixel")
_PART = re.compile(
    r"""(?P<blank>\s+)|(?P<string>"[^"\\]*"|'[^'\\]*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<sign>==|!=|<=|>=|//|[|<>+\-~/%.,()\[\]])""",
)
_COLON_FILTER = re.compile(r"\|\s*(\w+)\s*$")
_STRING = re.compile(r"""\s*("[^"\\]*"|'[^'\\]*')""")
_FIELD_KEY = re.compile(r"""\s*(?:\.\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[\s*(?P<quoted>"[^"\\]*"|'[^'\\]*')\s*\])""")
_syntax = Environment()


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: as written, as the engine gets it, the fields and filters it uses."""

    source: str
    code: str
    fields: tuple[str, ...]
    filters: tuple[str, ...]
    start: int


@dataclass(frozen=True, slots=True)
class _Part:
    kind: str
    text: str
    at: int


def check_expression(source: str, text: str, start: int, *, names: frozenset[str], slots: bool = False) -> Expression:
    """Check one expression that stands at `start` of the source. `names` are loop variables; `slots` admits our own
    `link_0`. Raises DesignError."""
    if not text:
        raise design_error(source, start, "This tag is empty: name a field, for example {{ subscriber.first_name }}.")
    return _Checker(source, text, start, names, slots).run()


def variable(path: str) -> str:
    """The flat name under which the engine finds a field; different paths never share one."""
    return "f" + "".join(f"_{len(part)}{re.sub(r'[^A-Za-z0-9_]', _escape, part)}" for part in path.split("."))


class _Checker:
    def __init__(self, source: str, text: str, start: int, names: frozenset[str], slots: bool) -> None:
        self.source, self.text, self.start = source, text, start
        self.names, self.slots = names, slots
        self.fields: list[str] = []
        self.filters: list[str] = []
        self.code: list[str] = []

    def run(self) -> Expression:
        parts = list(self._parts())
        skip_to = 0
        for index, part in enumerate(parts):
            if part.at < skip_to:
                continue
            before = parts[index - 1] if index else None
            if part.kind == "name":
                skip_to = self._name(part, before, parts[max(index - 2, 0)])
            elif part.text == "(" and before is not None:
                self._open_parenthesis(part, before)
            else:
                self._other(part)
        self._check_syntax()
        fields, filters = tuple(dict.fromkeys(self.fields)), tuple(self.filters)
        return Expression(self.text, " ".join(self.code), fields, filters, self.start)

    def _parts(self) -> Iterator[_Part]:
        at = 0
        while at < len(self.text):
            found = _PART.match(self.text, at)
            if found is None:
                self._refuse_sign(at)
            kind = found.lastgroup or ""
            if kind != "blank":
                yield _Part(kind, found.group(), at)
            at = found.end()

    def _name(self, part: _Part, before: _Part | None, earlier: _Part) -> int:
        word = part.text
        if before is not None and before.text == "|":
            self._filter(part)
        elif before is not None and (before.text == "is" or (before.text == "not" and earlier.text == "is")):
            if word not in TESTS and word != "not":
                self._fail(part.at, f'"{word}" is not a test. Known tests: {", ".join(sorted(TESTS))}.')
            self.code.append(word)
        elif word.startswith("_"):
            self._fail(part.at, f'"{word}" is not a field: names of fields begin with a letter.')
        elif word in NAMESPACES and (before is None or before.text != "."):
            return self._field(part)
        else:
            self._plain_name(part, before)
        return 0

    def _filter(self, part: _Part) -> None:
        if part.text == "safe":
            self._fail(part.at, "The filter safe is not available: values are always escaped in HTML. Remove it.")
        if part.text not in FILTERS and not (self.slots and part.text in URL_FILTERS):
            known = ", ".join(sorted(FILTERS))
            hint = did_you_mean(part.text, FILTERS)
            self._fail(part.at, f'There is no filter "{part.text}".{hint} Known filters: {known}.')
        self.filters.append(part.text)
        self.code.append(part.text)

    def _field(self, part: _Part) -> int:
        path, at = [part.text], part.at + len(part.text)
        while key := _FIELD_KEY.match(self.text, at):
            name = key.group("name") or key.group("quoted")[1:-1]
            if name.startswith("_") or "." in name or not name.strip():
                self._fail(at, f'"{name}" cannot be the name of a field.')
            path.append(name)
            at = key.end()
        if len(path) == 1:
            self._fail(part.at, f'"{part.text}" alone is not a field: write {part.text}.name, for example.')
        field = ".".join(path)
        self.fields.append(field)
        self.code.append(variable(field))
        return at

    def _plain_name(self, part: _Part, before: _Part | None) -> None:
        word = part.text
        attribute = before is not None and before.text == "."
        known = attribute or word in _KEYWORDS or word in self.names or (self.slots and _SLOT.fullmatch(word))
        if word in ADDRESSES and not attribute:
            self.fields.append(word)
        elif not known:
            follow = self.text[part.at + len(word) :].lstrip()
            if follow.startswith("("):
                self._refuse_call(part)
            roots = {*ADDRESSES, *self.names, "subscriber", "campaign", "workspace"}
            hint = did_you_mean(word, roots) or f" Did you mean subscriber.{self._likely_key(word, part.at)}?"
            self._fail(part.at, f'There is no merge field "{word}".{hint}')
        self.code.append(word)

    def _likely_key(self, word: str, at: int) -> str:
        """The field of a subscriber that is meant by `person.first_name`, `person` or `firstname`."""
        key = _FIELD_KEY.match(self.text, at + len(word))
        if key is not None:
            word = key.group("name") or key.group("quoted")[1:-1]
        elif word.lower() in _PEOPLE:
            return "name"
        return next(iter(get_close_matches(word, SUBSCRIBER_KEYS, n=1, cutoff=0.8)), word)

    def _open_parenthesis(self, part: _Part, before: _Part) -> None:
        filter_call = before.kind == "name" and self.code[-1:] == self.filters[-1:] == [before.text]
        if (before.kind == "name" and before.text not in _KEYWORDS and not filter_call) or before.text in (")", "]"):
            self._refuse_call(before)
        self.code.append(part.text)

    def _other(self, part: _Part) -> None:
        if part.kind == "number" and len(part.text) > 15:
            self._fail(part.at, "This number has more than 15 digits.")
        self.code.append(part.text)

    def _check_syntax(self) -> None:
        try:
            _syntax.undeclared_variables_in_str("{{ " + " ".join(self.code) + " }}")
        except TemplateError as error:
            self._fail(0, f"“{self.text}” cannot be read: {error.detail or error.message}.")

    def _refuse_call(self, part: _Part) -> NoReturn:
        self._fail(part.at, f'"{part.text}(…)" is not available: merge tags have fields and filters, but no functions.')

    def _refuse_sign(self, at: int) -> NoReturn:
        sign = self.text[at]
        if sign == "*":
            self._fail(at, "Multiplication is not available in merge tags: compute the value before the import.")
        if sign in "\"'":
            self._fail(at, "This quotation mark is not closed, or the text in it has a backslash.")
        if sign in "“”„‘’«»":
            self._fail(at, f"{sign} is a typographic quotation mark: use \" or ' in merge tags.")
        if sign == "=":
            self._fail(at, "A single = compares nothing: write ==.")
        if sign in "&!":
            self._fail(at, f'"{sign}" is not known here: write and, or, not.')
        if sign == ":" and (found := _COLON_FILTER.search(self.text[:at])):
            words = _STRING.match(self.text[at + 1 :])
            value = words.group(1) if words else '"…"'
            name = found.group(1) if found.group(1) in FILTERS else "fallback"
            self._fail(at, f"What a filter is given stands in parentheses: write | {name}({value}) without the colon.")
        self._fail(at, f'"{sign}" is not known in merge tags.')

    def _fail(self, at: int, message: str) -> NoReturn:
        offset = self.source.find(self.text, self.start)
        raise design_error(self.source, max(offset, self.start) + at, message)


def _escape(found: re.Match[str]) -> str:
    return f"_{ord(found.group()):x}_"
