"""What a provider said of one message, before it is judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from app.tracking.webhooks.reading import at

Meaning = Literal[
    "unmapped", "kept", "delivered", "delayed", "bounce", "theirs", "complaint", "feedback", "unsubscribed",
    "autoreply", "challenge",
]  # fmt: skip
"""`theirs`: the provider's own list keeps mail from this address, so nothing was tried and nothing is learnt of it.
`kept`: known, and of no consequence here, such as opens, which we count ourselves."""

TOKEN_NAMES = ("merpati-token", "merpati_token")
"""What our token is called where a provider carries values of ours."""


class Hint(NamedTuple):
    """What a provider's own class says: believed only where text and codes are silent.

    `names_person`: the refusal was of the recipient, so words such as "user unknown" count without a code of their own.
    """

    reason: str = ""
    is_final: bool = False
    names_person: bool = False


SILENT = Hint()


@dataclass(frozen=True, slots=True)
class Heard:
    """One event. `texts` is where our token may stand; `names` is what the provider calls the message."""

    meaning: Meaning
    texts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    at: datetime | None = None
    words: str = ""
    notes: str = ""
    status: str = ""
    code: str = ""
    hint: Hint = SILENT
    feedback_type: str = ""


def texts_in(*values: Any) -> tuple[str, ...]:
    """The texts among values and in lists of them, without empty ones."""
    found: list[str] = []
    for value in values:
        parts = value if isinstance(value, list) else [value]
        found += [part for part in parts if isinstance(part, str) and part]
    return tuple(found)


def tokens_in(values: Any) -> tuple[str, ...]:
    """Our token in an object of values, or in a list of `{"name": …, "value": …}`."""
    if isinstance(values, list):
        pairs = [(at(one, "name") or at(one, "Name"), at(one, "value") or at(one, "Value")) for one in values]
        values = {name: value for name, value in pairs if isinstance(name, str)}
    if not isinstance(values, Mapping):
        return ()
    return texts_in(*(values.get(name) for name in TOKEN_NAMES))


def moment(value: Any) -> datetime | None:
    """A time as ISO 8601 or as a Unix time in seconds or milliseconds; None for anything else."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def first_moment(values: Iterable[Any]) -> datetime | None:
    """The first of these that is a time."""
    return next((found for value in values if (found := moment(value)) is not None), None)
