"""What an import is to do with the rows, fixed when it begins so that any worker goes on in the same way."""

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.audience.addresses import normalise
from app.audience.attributes import ensure_attributes
from app.audience.imports.columns import Column
from app.audience.imports.dialect import Dialect
from app.audience.models import Import
from app.core.errors import Invalid

BATCH = 10_000
RESERVED = re.compile(r"(.+\.)?example\.(com|net|org)|.+\.(test|invalid|example)").fullmatch
"""Domains that nobody can own (RFC 2606, RFC 6761): made-up addresses may use no others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Dialect, columns, and what happens to the people."""

    dialect: Dialect
    columns: tuple[Column, ...]
    state: str = "confirmed"
    """In which people come onto the list: confirmed or pending."""
    statement: str = ""
    """How these people agreed, in the words of the person who imports them."""
    addresses: str = ""
    """A pattern like `customer-{row}@example.com`, for files without addresses."""
    batch: int = field(default_factory=lambda: BATCH)
    """Rows in one transaction; kept with the import, so that its batches stay the same."""

    @property
    def width(self) -> int:
        return len(self.columns)

    def options(self) -> dict[str, Any]:
        """The part of the plan that is kept in `Import.options`."""
        return {name: value for name, value in asdict(self).items() if name not in ("dialect", "columns")}

    def keep_in(self, row: Import) -> None:
        """Write the plan into the import."""
        row.dialect = self.dialect.to_dict()
        row.mapping = {"columns": [column.to_dict() for column in self.columns]}
        row.options = {**row.options, **self.options()}


def with_attributes(plan: Plan) -> Plan:
    """The plan with its attributes made where they are missing, and typed as they stand."""
    types = ensure_attributes({column.key: (column.header, column.type) for column in plan.columns if column.key})
    columns = (replace(column, type=types.get(column.key, column.type)) for column in plan.columns)
    return replace(plan, columns=tuple(columns))


def plan_of(dialect: dict[str, Any], mapping: dict[str, Any], options: dict[str, Any]) -> Plan:
    """The plan kept in an import."""
    own = {name: options[name] for name in ("state", "statement", "addresses", "batch") if name in options}
    columns = tuple(Column(**column) for column in mapping["columns"])
    return Plan(Dialect.from_dict(dialect), columns, **own)


def check_pattern(pattern: str) -> None:
    """Raise Invalid unless the pattern makes a different, undeliverable address for each row."""
    local, _, domain = pattern.rpartition("@")
    if "{row}" not in local or "{" in pattern.replace("{row}", ""):
        raise Invalid(f"{pattern!r} must have {{row}} before the @, and no other brackets.", field="make_addresses")
    if not RESERVED(domain.lower()):
        raise Invalid(
            f"{domain!r} may belong to somebody. Made-up addresses take only example.com, example.net, example.org, "
            "what is below them, and names that end in .test, .invalid or .example.",
            field="make_addresses",
        )
    normalise(pattern.replace("{row}", "1"))
