"""Every pattern of the reader, and texts made of what each looks for: what a hostile mail would be made of."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from re import _parser  # type: ignore[attr-defined]  # the only way to take a pattern apart
from typing import Any

import app.mail

BETWEEN = ("", " ", "\n", "-", "a", "1", ".", "@")


def all_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Each compiled pattern in the modules of `app.mail`, with where it stands."""
    seen = set()
    for module in pkgutil.iter_modules(app.mail.__path__):
        for name, value in vars(importlib.import_module(f"app.mail.{module.name}")).items():
            for place, pattern in _within(f"{module.name}.{name}", value):
                if (pattern.pattern, pattern.flags) not in seen:
                    seen.add((pattern.pattern, pattern.flags))
                    yield place, pattern


def hostile_texts(pattern: re.Pattern[Any], size: int) -> Iterator[tuple[str, Any]]:
    """Long runs of each literal piece of a pattern, alone and with something between, as the pattern takes them."""
    for piece in sorted(pieces(pattern)):
        for between in BETWEEN:
            unit = piece + between
            text = (unit * (size // len(unit) + 1))[:size]
            yield repr(unit), text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")[:size]


def _within(place: str, value: object) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield place, value
    elif isinstance(bound := getattr(value, "__self__", None), re.Pattern):
        yield place, bound  # a method kept instead of its pattern, such as `fullmatch`
    elif isinstance(value, dict):
        yield from _among(place, (*value.keys(), *value.values()))
    elif isinstance(value, tuple | list | set | frozenset):
        yield from _among(place, value)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        yield from _among(place, (getattr(value, name) for name in value.__dataclass_fields__))


def _among(place: str, values: Iterable[object]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    for number, value in enumerate(values):
        yield from _within(f"{place}[{number}]", value)


def pieces(pattern: re.Pattern[Any]) -> set[str]:
    """The runs of literals in a pattern, and a text that it may match."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    found: list[str] = []
    whole = _example(_parser.parse(source, pattern.flags & ~re.DEBUG), found)
    return {piece for piece in (" ", "\t", whole, *found) if piece and len(piece) < 200}


def _example(parsed: Any, found: list[str]) -> str:
    """A text that the pattern may match; its runs of literals, and each way of a choice, are added to `found`."""
    text, run = "", ""
    for kind, value in parsed:
        piece = _example_of(str(kind), value, found)
        text += piece
        if str(kind) == "LITERAL":
            run += piece
            continue
        found.append(run)
        run = ""
    found += (run, text)
    return text


def _example_of(kind: str, value: Any, found: list[str]) -> str:
    if kind in ("LITERAL", "NOT_LITERAL"):
        return chr(value) if kind == "LITERAL" else "a"
    if kind == "IN":
        return _of_class(value)
    if kind == "ANY":
        return "a"
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _example(value[2], found) * max(min(value[0], 3), 1)
    if kind == "SUBPATTERN":
        return _example(value[3], found)
    if kind == "ATOMIC_GROUP":
        return _example(value, found)
    if kind == "BRANCH":
        ways = [_example(way, found) for way in value[1]]
        return ways[0]
    if kind == "GROUPREF_EXISTS":
        return "".join(_example(way, found) for way in value[1:] if way)
    return ""


def _of_class(members: Any) -> str:
    kind, value = members[0] if str(members[0][0]) != "NEGATE" else ("NEGATE", None)
    if str(kind) == "LITERAL":
        return chr(value)
    if str(kind) == "RANGE":
        return chr(value[0])
    return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(value), "a")
