"""What the pages of the audience show. Plain rows out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from app.audience.addresses import address_hash, normalise
from app.audience.models import ConsentEvent, Import, MailingList, Subscriber, Subscription, Suppression
from app.audience.suppressions import workspace_address_key
from app.core.database import db
from app.core.errors import Invalid

STATES = ("confirmed", "pending", "unsubscribed")
PAGE = 50
COUNT_TO = 10_000
"""Above this, a count is shown as "more than"."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list and how many people are on it, by state."""

    list: MailingList
    confirmed: int
    pending: int
    unsubscribed: int


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people: a text in address or name, a list, and a state on it; `suppressed` is a state of its own."""

    text: str = ""
    list_id: int | None = None
    state: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.list_id or self.state)


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the page People."""

    id: int
    email: str
    name: str
    created_at: datetime
    lists: Sequence[tuple[str, str]]
    is_suppressed: bool


def lists_overview(*, archived: bool = False) -> list[ListRow]:
    """The workspace's lists by name, with their counts."""
    in_use = MailingList.archived_at.is_not(None) if archived else MailingList.archived_at.is_(None)
    rows = db.session.scalars(select(MailingList).where(in_use).order_by(func.lower(MailingList.name), MailingList.id))
    lists = rows.all()
    counts = _counts([row.id for row in lists])
    return [ListRow(row, *(counts.get((row.id, state), 0) for state in STATES)) for row in lists]


def list_row(mailing_list: MailingList) -> ListRow:
    """One list with its counts."""
    counts = _counts([mailing_list.id])
    return ListRow(mailing_list, *(counts.get((mailing_list.id, state), 0) for state in STATES))


def list_choices() -> list[tuple[int, str]]:
    """The lists in use, for a form."""
    query = select(MailingList.id, MailingList.name).where(MailingList.archived_at.is_(None))
    return [(number, name) for number, name in db.session.execute(query.order_by(func.lower(MailingList.name)))]


def search_people(wanted: PeopleFilter, *, before: int | None = None, limit: int = PAGE) -> list[Person]:
    """People that match, the newest first, below the id `before`."""
    query = matching(wanted).order_by(Subscriber.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Subscriber.id < before)
    people = db.session.scalars(query).all()
    lists = _lists_of([person.id for person in people])
    suppressed = _suppressed([person.address_hash for person in people])
    return [
        Person(
            person.id,
            person.email,
            person.name,
            person.created_at,
            lists.get(person.id, []),
            person.address_hash in suppressed,
        )
        for person in people
    ]


def count_people(wanted: PeopleFilter) -> int:
    """How many match; stops at COUNT_TO + 1."""
    some = matching(wanted).with_only_columns(Subscriber.id).limit(COUNT_TO + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def matching(wanted: PeopleFilter) -> Select[Subscriber]:
    """The SELECT of the people that match."""
    query = select(Subscriber)
    if text := wanted.text.strip():
        query = query.where(_holds(text))
    held = [Subscription.subscriber_id == Subscriber.id]
    if wanted.list_id is not None:
        held.append(Subscription.list_id == wanted.list_id)
    if wanted.state in STATES:
        held.append(Subscription.state == wanted.state)
    if len(held) > 1:
        query = query.where(exists().where(*held))
    if wanted.state == "suppressed":
        query = query.where(
            exists().where(
                Suppression.workspace_id == Subscriber.workspace_id,
                Suppression.address_hash == Subscriber.address_hash,
                Suppression.lifted_at.is_(None),
                Suppression.list_id.is_(None),
            )
        )
    return query


def subscriptions_of(subscriber: Subscriber) -> Sequence[tuple[Subscription, MailingList]]:
    """A person's lists, those in use first."""
    query = (
        select(Subscription, MailingList)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Subscription.subscriber_id == subscriber.id)
        .order_by(MailingList.archived_at.is_not(None), func.lower(MailingList.name))
    )
    return [(subscription, mailing_list) for subscription, mailing_list in db.session.execute(query)]


def consent_of(subscriber: Subscriber) -> Sequence[tuple[ConsentEvent, str]]:
    """A person's consent record, the latest first, with the names of the lists."""
    query = (
        select(ConsentEvent, func.coalesce(MailingList.name, ""))
        .outerjoin(MailingList, MailingList.id == ConsentEvent.list_id)
        .where(ConsentEvent.address_hash == subscriber.address_hash)
        .order_by(ConsentEvent.id.desc())
        .limit(500)
    )
    return [(event, name) for event, name in db.session.execute(query)]


def suppressions_of(subscriber: Subscriber) -> Sequence[Suppression]:
    """What stands or stood against mailing a person."""
    query = select(Suppression).where(Suppression.address_hash == subscriber.address_hash)
    return db.session.scalars(query.order_by(Suppression.id.desc())).all()


def search_suppressions(
    *, email: str = "", reason: str = "", before: int | None = None
) -> Sequence[tuple[Suppression, str]]:
    """Active suppressions, the latest first, with their lists' names. An address must be whole: hashes are kept."""
    query = (
        select(Suppression, func.coalesce(MailingList.name, ""))
        .outerjoin(MailingList, MailingList.id == Suppression.list_id)
        .where(Suppression.lifted_at.is_(None))
        .order_by(Suppression.id.desc())
        .limit(PAGE)
    )
    if email.strip():
        try:
            digest = address_hash(workspace_address_key(), normalise(email).address)
        except Invalid:
            return []
        query = query.where(Suppression.address_hash == digest)
    if reason:
        query = query.where(Suppression.reason == reason)
    if before is not None:
        query = query.where(Suppression.id < before)
    return [(suppression, name) for suppression, name in db.session.execute(query)]


def recent_imports() -> Sequence[tuple[Import, str]]:
    """The latest imports with the names of their lists."""
    query = (
        select(Import, func.coalesce(MailingList.name, ""))
        .outerjoin(MailingList, MailingList.id == Import.list_id)
        .order_by(Import.id.desc())
        .limit(PAGE)
    )
    return [(row, name) for row, name in db.session.execute(query)]


def _counts(list_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    query = (
        select(Subscription.list_id, Subscription.state, func.count())
        .where(Subscription.list_id.in_(list_ids))
        .group_by(Subscription.list_id, Subscription.state)
    )
    return {(list_id, state): count for list_id, state, count in db.session.execute(query)}


def _holds(text: str) -> ColumnElement[bool]:
    """Whether every word is somewhere in the address, or begins a name."""
    words = text.lower().split()[:5]
    return and_(
        *(
            or_(
                func.strpos(Subscriber.address, word) > 0,
                func.lower(Subscriber.first_name).startswith(word, autoescape=True),
                func.lower(Subscriber.last_name).startswith(word, autoescape=True),
            )
            for word in words
        )
    )


def _lists_of(ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    query = (
        select(Subscription.subscriber_id, MailingList.name, Subscription.state)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .where(Subscription.subscriber_id.in_(ids))
        .order_by(func.lower(MailingList.name))
    )
    found: dict[int, list[tuple[str, str]]] = {}
    for subscriber_id, name, state in db.session.execute(query):
        found.setdefault(subscriber_id, []).append((name, state))
    return found


def _suppressed(hashes: Sequence[bytes]) -> set[bytes]:
    query = select(Suppression.address_hash).where(
        Suppression.address_hash.in_(hashes), Suppression.lifted_at.is_(None), Suppression.list_id.is_(None)
    )
    return set(db.session.scalars(query))
