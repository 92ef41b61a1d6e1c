"""People, lists and files for tests. Everything is flushed into the workspace in scope."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from app.audience.lists import create_list
from app.audience.models import MailingList, Subscriber
from app.audience.subscribers import save_subscriber
from app.audience.subscriptions import subscribe

_numbers = count(1)


def a_list(name: str = "", **changes: Any) -> MailingList:
    """A list in use."""
    return create_list(name or f"Letters {next(_numbers)}", **changes)


def a_person(email: str = "", **changes: Any) -> Subscriber:
    """A person on no list."""
    person, _ = save_subscriber(email or f"person{next(_numbers)}@example.com", **changes)
    return person


def a_reader(of: MailingList, email: str = "", state: str = "confirmed", **changes: Any) -> Subscriber:
    """A person on a list."""
    person = a_person(email, **changes)
    subscribe(person, of, state, source="form")
    return person


def readers(of: MailingList, number: int) -> list[Subscriber]:
    """Several people on a list."""
    return [a_reader(of) for _ in range(number)]


def csv_bytes(
    rows: Iterable[Sequence[str]], *, separator: str = ",", encoding: str = "utf-8", end: str = "\r\n"
) -> bytes:
    """Rows as a CSV file, quoted where it must be (the writer itself forgets lone line breaks)."""
    rows = list(rows)
    breaks = any("\r" in cell or "\n" in cell for row in rows for cell in row)
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if breaks else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue().encode(encoding)
