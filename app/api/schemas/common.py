"""What shapes are made of. Times are ISO 8601 in UTC; ids are whole numbers."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from apiflask import Schema
from apiflask.fields import AwareDateTime, DateTime, Integer
from marshmallow.validate import Range

LARGEST = 2**63 - 1
_ANY = Range(1, LARGEST, error="Not a number of anything here.")
Id = partial(Integer, strict=True, validate=_ANY)
"""A number in JSON."""
IdText = partial(Integer, validate=_ANY)
"""The same in a query or a form, where everything is text."""


class Moment(DateTime):
    """A moment that is given in UTC, whatever zone the database speaks in."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return super()._serialize(value.astimezone(UTC) if value else None, attr, obj, **kwargs)


class ZonedMoment(AwareDateTime):
    """A moment that is taken only with its zone: nine o'clock alone is 24 different moments."""

    default_error_messages = {  # noqa: RUF012 - so marshmallow wants it
        "invalid": "Not a time. Write it like 2030-05-01T09:00:00+02:00 or 2030-05-01T07:00:00Z.",
        "invalid_awareness": "The zone is missing. Write it like 2030-05-01T09:00:00+02:00 or 2030-05-01T07:00:00Z.",
    }


class Page(Schema):
    """Which page: after which id, how many."""

    after = Integer(
        load_default=0,
        validate=Range(0, LARGEST),
        metadata={"description": "The last id of the page before; the header Link has the next address ready."},
    )
    limit = Integer(load_default=100, validate=Range(1, 1000))
