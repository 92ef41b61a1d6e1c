"""Blocks of `Name: value` lines: mail headers, and the groups of status and feedback reports, which look alike."""

import re

from app.mail.charsets import header_text, text_of

_MAX_BLOCK = 64 * 1024
MAX_FIELDS = 1000
_FOLD = re.compile(rb"\n[ \t]+")
_FIELD = re.compile(r"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)


class Fields:
    """Fields by name without case, in their order. Values are unfolded, not yet decoded."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def get(self, name: str) -> str:
        """The first value as it stands, or an empty text."""
        return self.all(name)[0] if name in self else ""

    def all(self, name: str) -> list[str]:
        """All values of the name."""
        return self._values.get(name.lower(), [])

    def text(self, name: str) -> str:
        """The first value as a person reads it."""
        return header_text(self.get(name))

    def names(self) -> set[str]:
        """The names there are, in lower case."""
        return set(self._values)


def read_fields(block: bytes, most: int = MAX_FIELDS) -> Fields:
    """The fields of a block with LF line ends, from its first lines. Lines that are no field are passed over."""
    lines = _FOLD.sub(b" ", block[:_MAX_BLOCK]).split(b"\n", most)
    found = (_FIELD.match(text_of(line)) for line in lines[:most])
    return Fields([(field[1], field[2].strip()) for field in found if field])


def parameter(value: str, name: str) -> str:
    """A parameter of a structured value, such as the boundary of a Content-Type; empty when it is not there."""
    found = re.search(rf';\s*{name}\s*=\s*(?:"([^"]{{0,1000}})"|([^\s;"]{{1,1000}}))', value, re.IGNORECASE)
    return (found[1] or found[2] or "") if found else ""
