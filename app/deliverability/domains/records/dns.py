"""How the readers of records ask DNS."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Records of one type at one name, as text. `exists`: the name is there, if only with records of other types."""

    values: tuple[str, ...] = ()
    exists: bool = True
    zone: str = ""
    """The name of the SOA record that came along, of the zone or one above."""


Ask = Callable[[str, str], Answer]
"""Name and type. Raises TemporaryFailure when DNS does not tell."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a record: a fault, or a note that costs nothing. `words.py` has a sentence for each code."""

    code: str
    values: tuple[tuple[str, str], ...] = ()
    is_fault: bool = True


def fault(code: str, **values: object) -> Problem:
    return Problem(code, tuple((name, str(value)[:300]) for name, value in values.items()))


def note(code: str, **values: object) -> Problem:
    return Problem(code, tuple((name, str(value)[:300]) for name, value in values.items()), is_fault=False)
