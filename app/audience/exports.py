"""People and suppressions as CSV, in a stream."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

from sqlalchemy import select

from app.audience.attributes import attribute_types
from app.audience.masking import masked_evidence
from app.audience.models import Subscriber, Subscription, Suppression
from app.audience.queries import PeopleFilter, matching
from app.audience.suppressions import workspace_address_key
from app.core.database import db, in_workspace

SLICE = 2_000
NAMES = ("first_name", "last_name", "locale", "timezone")
"""What a person has besides the address and attributes; an import knows these headings again."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch


def people_csv(wanted: PeopleFilter, workspace_id: int) -> Iterator[bytes]:
    """The people that match, with all attributes and, for one list, their state on it. For use within a request."""
    with in_workspace(workspace_id):
        keys = list(attribute_types())
    heading = ["email", *NAMES, *keys, "added"]
    yield _lines([[*heading, "state"] if wanted.list_id else heading], mark=True)
    last = 0
    while True:
        with in_workspace(workspace_id):
            query = matching(wanted).where(Subscriber.id > last).order_by(Subscriber.id).limit(SLICE)
            people = db.session.scalars(query).all()
            states = _states([person.id for person in people], wanted.list_id)
        if not people:
            return
        yield _lines(_row(person, keys, states) for person in people)
        last = people[-1].id
        db.session.expunge_all()


def suppressions_csv(workspace_id: int) -> Iterator[bytes]:
    """The active suppressions; addresses are masked, in the evidence too, because only their hashes are kept."""
    with in_workspace(workspace_id):
        key = workspace_address_key()
    yield _lines([["address", "reason", "since", "evidence"]], mark=True)
    last = 0
    while True:
        with in_workspace(workspace_id):
            query = select(Suppression).where(Suppression.lifted_at.is_(None), Suppression.id > last)
            found = db.session.scalars(query.order_by(Suppression.id).limit(SLICE)).all()
        if not found:
            return
        yield _lines(
            [
                row.hint,
                row.reason,
                row.created_at.isoformat(),
                masked_evidence(row.evidence, row.hint, row.address_hash, key),
            ]
            for row in found
        )
        last = found[-1].id
        db.session.expunge_all()


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER(text) else text


def plain_cell(text: str) -> str:
    """The cell that `safe_cell` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _states(ids: list[int], list_id: int | None) -> dict[int, str]:
    if list_id is None:
        return {}
    query = select(Subscription.subscriber_id, Subscription.state).where(
        Subscription.list_id == list_id, Subscription.subscriber_id.in_(ids)
    )
    return dict(list(db.session.execute(query)))


def _row(person: Subscriber, keys: list[str], states: dict[int, str]) -> list[str]:
    values = [_shown(person.attributes.get(key)) for key in keys]
    names = [getattr(person, name) for name in NAMES]
    row = [person.email, *names, *values, f"{person.created_at:%Y-%m-%d}"]
    return [*row, states[person.id]] if person.id in states else row


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _lines(rows: Iterable[list[str]], *, mark: bool = False) -> bytes:
    """CSV of RFC 4180; with the byte-order mark by which spreadsheets know UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig" if mark else "utf-8")
