"""Of which time a report speaks, by its own dates: clocks may be wrong, and whoever may write it may write any."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from app.mail.fields import Fields, read_fields
from app.mail.mime import Part

_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_GROUPS = re.compile(rb"\n[ \t]*\n")
_MOST_GROUPS = 100
_LONGEST = 100


def spoken_of(mail: Part, address: str) -> datetime | None:
    """When the reported mail arrived at the server that reports it, else when it was last tried for the address
    (RFC 3464 §2.2.5, §2.3.7), else when the report was written; None where no date can be read.
    """
    groups = [group for part in mail.walk() if part.content_type in _STATUS for group in _groups(part.content)]
    ours = [group for group in groups if _names(group, address)]
    told = [group.get("Arrival-Date") for group in groups]
    told += [group.get("Last-Attempt-Date") for group in ours]
    found = (_moment(value) for value in [*told, mail.header.get("Date")] if value)
    return next((moment for moment in found if moment is not None), None)


def _groups(content: bytes) -> Iterator[Fields]:
    for group in _GROUPS.split(content, _MOST_GROUPS)[:_MOST_GROUPS]:
        yield read_fields(group)


def _names(group: Fields, address: str) -> bool:
    recipients = group.get("Final-Recipient") + " " + group.get("Original-Recipient")
    return bool(address) and address.lower() in recipients.lower()


def _moment(value: str) -> datetime | None:
    """The date in UTC; None for one without a zone, which may be half a day off."""
    try:
        moment = parsedate_to_datetime(value[:_LONGEST])
        if moment.tzinfo is None:
            # RFC 5322 §3.3: UTC, of which nobody knows where.
            return moment.replace(tzinfo=UTC) if "-0000" in value[:_LONGEST] else None
        return moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
