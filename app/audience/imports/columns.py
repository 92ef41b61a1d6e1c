"""What the columns of a file mean: proposed by their headings, else by their values."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.audience.attributes import RESERVED, attribute_key
from app.audience.values import TYPES, infer_type
from app.core.errors import Invalid

WORDS = {
    "email": "email mail emailaddress mailaddress emailadresse mailadresse courriel adressecourriel adresseemail surel "
    "alamatemail alamatsurel correo correoelectronico epost posta",
    "first_name": "firstname first givenname forename fname vorname rufname prenom namadepan nombre",
    "last_name": "lastname last surname familyname lname nachname familienname nom nomdefamille namabelakang apellido "
    "apellidos cognome",
    "locale": "locale language lang sprache langue bahasa idioma",
    "timezone": "timezone tz zeitzone fuseauhoraire zonawaktu",
}
"""Headings by what they mean, in lower case without spaces and signs: English, German, French, Indonesian."""
WHOLE_NAMES = frozenset({"name", "nama", "fullname", "completename", "namalengkap"})
FIELDS = tuple(WORDS)
ATTRIBUTE = "attributes."
REMARK = "Merpati says"
"""Heading of the column with reasons in a file of rows that were not taken: left out when that is imported."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file. `field`: one of FIELDS, `attributes.<key>`, or nothing to leave it out."""

    index: int
    header: str
    field: str
    type: str = "text"

    @property
    def key(self) -> str:
        """The attribute it fills, or nothing."""
        return self.field.removeprefix(ATTRIBUTE) if self.field.startswith(ATTRIBUTE) else ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def propose_columns(
    headers: Sequence[str], rows: Sequence[Sequence[str]], addresses: Sequence[bool], types: Mapping[str, str]
) -> list[Column]:
    """A meaning for each column. `addresses` marks columns of addresses; `types` are the attributes there are."""
    taken: set[str] = set()
    columns = []
    email = _email_column(
        headers, [holds and not is_remark(header) for holds, header in zip(addresses, headers, strict=True)]
    )
    meanings = [_meaning(header) for header in headers]
    for index, header in enumerate(headers):
        if is_remark(header):
            columns.append(Column(index, header, ""))
            continue
        field = "email" if index == email else meanings[index]
        if (field == "email" and index != email) or field in taken:
            field = ""
        if field == "name":
            field = "last_name" if "first_name" in meanings else "first_name"
        field = field if field and field not in taken else _attribute(header, index, taken)
        taken.add(field)
        cells = [row[index] for row in rows if index < len(row)]
        kind = types.get(field.removeprefix(ATTRIBUTE)) or infer_type(cells)
        columns.append(Column(index, header, field, kind if field.startswith(ATTRIBUTE) else "text"))
    return columns


def attribute_columns(headers: Sequence[str], rows: Sequence[Sequence[str]], types: Mapping[str, str]) -> list[Column]:
    """Every column as an attribute: for files whose addresses are made up."""
    taken: set[str] = set()
    columns = []
    for index, header in enumerate(headers):
        if is_remark(header):
            columns.append(Column(index, header, ""))
            continue
        field = _attribute(header, index, taken)
        taken.add(field)
        cells = [row[index] for row in rows if index < len(row)]
        columns.append(Column(index, header, field, types.get(field.removeprefix(ATTRIBUTE)) or infer_type(cells)))
    return columns


def mapped(columns: Sequence[Column], wishes: Mapping[str, str] | Mapping[int, str]) -> list[Column]:
    """The columns with what a person wished: heading (or number from 1) → field, `attribute:name`, `name` or `-`.

    Keys that are int are places from 0. A type may follow a colon: `birthday:date`. Raises Invalid for a column that is
    not there.
    """
    result = {column.index: column for column in columns}
    by_name = {column.header.strip().lower(): column.index for column in reversed(columns)}
    for name, wish in wishes.items():
        index = name if isinstance(name, int) else _place(name, by_name)
        if index not in result:
            known = ", ".join(column.header for column in columns[:20])
            raise Invalid(f"The file has no column {name!r}. It has: {known}.", field="mapping")
        result[index] = _wished(result[index], wish)
    return list(result.values())


def check_columns(columns: Iterable[Column], *, needs_email: bool = True) -> None:
    """Raise Invalid unless the columns make people: one of addresses, nothing filled twice."""
    fields = [column.field for column in columns if column.field]
    if needs_email and "email" not in fields:
        raise Invalid("Choose the column that holds the e-mail addresses.", field="email")
    for field in fields:
        if fields.count(field) > 1:
            raise Invalid(f"Two columns go to {field.removeprefix(ATTRIBUTE)}. Leave one of them out.", field=field)


def is_remark(header: str) -> bool:
    """Whether it is the heading of our own column of reasons."""
    return header.strip().casefold() == REMARK.casefold()


def _place(name: str, by_name: Mapping[str, int]) -> int:
    return by_name.get(name.strip().lower(), int(name) - 1 if name.isdecimal() else -1)


def _wished(column: Column, wish: str) -> Column:
    field, _, kind = wish.strip().removeprefix("attribute:").partition(":")
    kind = kind or column.type
    if kind not in TYPES:
        raise Invalid(f"{kind!r} is not a type. Choose one of {', '.join(TYPES)}.", field="mapping")
    if field in ("", "-"):
        return Column(column.index, column.header, "")
    if field in FIELDS:
        return Column(column.index, column.header, field)
    return Column(column.index, column.header, ATTRIBUTE + attribute_key(field.removeprefix(ATTRIBUTE)), kind)


def _email_column(headers: Sequence[str], addresses: Sequence[bool]) -> int | None:
    named = [index for index, header in enumerate(headers) if _meaning(header) == "email"]
    holding = [index for index, holds in enumerate(addresses) if holds]
    both = [index for index in holding if index in named]
    return next(iter(both or holding or named), None)


def _meaning(header: str) -> str:
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z]", "", plain)
    if word in WHOLE_NAMES:
        return "name"
    return next((field for field, words in WORDS.items() if word in words.split()), "")


def _attribute(header: str, index: int, taken: set[str]) -> str:
    try:
        base = attribute_key(header)
    except Invalid:
        base = f"column_{index + 1}"
    base = f"{base}_2" if base in RESERVED else base
    key, number = base, 1
    while ATTRIBUTE + key in taken:
        number += 1
        key = f"{base}_{number}"
    return ATTRIBUTE + key
