"""The fields a workspace gives its people, beside address and name."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.audience.models import Attribute
from app.audience.values import ENCODERS, TYPES, infer_type
from app.core.database import db
from app.core.errors import Invalid

MAX_KEY = 60
RESERVED = frozenset({"email", "first_name", "last_name", "name", "locale", "timezone", "attributes"})
"""Names every person has already."""


def define_attribute(label: str, kind: str = "text", *, key: str | None = None) -> Attribute:
    """A new field. Raises Invalid for a type nobody knows and for a name already taken."""
    if kind not in TYPES:
        raise Invalid(f"{kind!r} is not a type. Choose one of {', '.join(TYPES)}.", field="type")
    key = attribute_key(key or label)
    if key in RESERVED:
        raise Invalid(f"Everybody has {key!r} already. Choose another name.", field="label")
    if db.session.scalar(select(Attribute.id).where(Attribute.key == key)):
        raise Invalid(f"There is an attribute {key!r} already.", field="label")
    attribute = Attribute(key=key, label=label.strip() or key, type=kind)
    db.session.add(attribute)
    db.session.flush()
    return attribute


def ensure_attributes(wanted: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Make the fields that are missing; key → (label, type) in, key → type as it stands out."""
    known = attribute_types()
    for key, (label, kind) in wanted.items():
        if key not in known:
            known[key] = define_attribute(label, kind, key=key).type
    return {key: known[key] for key in wanted}


def attribute_types() -> dict[str, str]:
    """Key → type of the workspace's fields."""
    rows = db.session.execute(select(Attribute.key, Attribute.type).order_by(Attribute.id))
    return dict(list(rows))


def attribute_key(label: str) -> str:
    """The name of a field in merge tags and in the API: `Favourite colour` → `favourite_colour`."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_KEY].strip("_")
    if not key:
        raise Invalid(f"{label!r} has no letter or digit to make a name of.", field="label")
    return key if key[0].isalpha() else f"a_{key}"[:MAX_KEY]


def checked_attributes(given: Mapping[str, Any], *, create: bool = False) -> dict[str, Any]:
    """The values as they are stored; None and "" stand for "take it away" and become None.

    Raises Invalid for a value of the wrong type, and for an unknown key unless `create` makes the field.
    """
    types = attribute_types()
    checked: dict[str, Any] = {}
    for key, value in given.items():
        if key not in types:
            if not create:
                known = ", ".join(types) or "none yet"
                raise Invalid(f"There is no attribute {key!r}. There is: {known}.", field=f"attributes.{key}")
            key = attribute_key(key)
            if key not in types:
                types |= ensure_attributes({key: (key, _type_of(value))})
        checked[key] = _checked(key, types[key], value)
    return checked


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return infer_type([value]) if isinstance(value, str) else "text"


def _checked(key: str, kind: str, value: object) -> Any:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str | int | float) or value is None:
        text = "" if value is None else str(value).strip()
    else:
        raise Invalid(f"The attribute {key!r} takes one text, number, yes or no, or date.", field=f"attributes.{key}")
    if not text:
        return None
    try:
        return json.loads(ENCODERS[kind](text), parse_float=float)
    except Invalid as error:
        raise Invalid(f"The attribute {key!r} {_sentence(str(error))}.", field=f"attributes.{key}") from None


def _sentence(reason: str) -> str:
    return reason if reason.startswith(("has ", "contains ")) else f"cannot be taken: {reason}"
