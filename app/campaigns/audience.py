"""Who a campaign goes to: one SELECT that judges everybody considered, for the live count and for the freeze alike.

Considered is everybody with a subscription in any state to a list that is included; somebody on several lists is one
row. The verdict is the first that fits: excluded, suppressed, unsubscribed, unconfirmed, held out, planned. The list is
the lowest included one where the person is confirmed, else the lowest included: what one click unsubscribes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import TextClause, select, text

from app.audience.models import Subscriber
from app.campaigns.cells import NUMBER_SQL, Slice, slices
from app.campaigns.models import Campaign, Variant
from app.core.database import db

SAMPLE = 20

_CONSIDERED = """
WITH person AS (
    SELECT subscriber_id,
           coalesce(min(list_id) FILTER (WHERE state = 'confirmed'), min(list_id)) AS list_id,
           bool_or(state = 'confirmed') AS is_confirmed,
           bool_or(state = 'unsubscribed') AS has_left
    FROM subscriptions
    WHERE workspace_id = :workspace AND list_id = ANY(:included)
    GROUP BY subscriber_id
), kept_out AS (
    SELECT DISTINCT subscriber_id FROM subscriptions
    WHERE workspace_id = :workspace AND list_id = ANY(:excluded) AND state <> 'unsubscribed'
), drawn AS (
    SELECT person.*, s.email,
           CASE
               WHEN kept_out.subscriber_id IS NOT NULL THEN 'excluded'
               WHEN everywhere.id IS NOT NULL OR here.id IS NOT NULL THEN 'suppressed'
               WHEN NOT is_confirmed AND has_left THEN 'unsubscribed'
               WHEN NOT is_confirmed THEN 'unconfirmed'
               ELSE ''
           END AS fault,
           width_bucket({number}, CAST(:lows AS bigint[])) AS position
    FROM person
    JOIN subscribers s ON s.id = person.subscriber_id AND s.workspace_id = :workspace
    LEFT JOIN kept_out ON kept_out.subscriber_id = person.subscriber_id
    LEFT JOIN suppressions everywhere ON everywhere.workspace_id = :workspace AND everywhere.lifted_at IS NULL
        AND everywhere.list_id IS NULL AND everywhere.address_hash = s.address_hash
    LEFT JOIN suppressions here ON here.workspace_id = :workspace AND here.lifted_at IS NULL
        AND here.list_id = person.list_id AND here.address_hash = s.address_hash
), considered AS (
    SELECT subscriber_id, list_id, email,
           CASE WHEN fault = '' AND position = :held_out THEN 'held-out' ELSE fault END AS reason,
           CASE WHEN fault = '' THEN position END AS position
    FROM drawn
)
""".replace("{number}", NUMBER_SQL.replace("{id}", "person.subscriber_id"))


@dataclass(frozen=True, slots=True)
class AudienceCount:
    """How many are considered, how many would get the mail, and why the others would not. Exact."""

    planned: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[int, int] = field(default_factory=dict)
    """People per position of a cell, those held out included."""

    @property
    def considered(self) -> int:
        return self.planned + sum(self.skipped.values())


@dataclass(frozen=True, slots=True)
class Person:
    """One of the people who would get the mail."""

    id: int
    email: str
    name: str
    list_id: int


def count_audience(campaign: Campaign) -> AudienceCount:
    """The campaign's audience as it is at this moment."""
    rows = db.session.execute(
        considered("SELECT reason, position, count(*) FROM considered GROUP BY reason, position"),
        considered_binds(campaign),
    ).all()
    skipped: dict[str, int] = {}
    cells: dict[int, int] = {}
    for reason, position, count in rows:
        if reason:
            skipped[reason] = skipped.get(reason, 0) + count
        if position is not None:
            cells[position] = cells.get(position, 0) + count
    return AudienceCount(sum(count for reason, _, count in rows if not reason), skipped, cells)


def sample_people(campaign: Campaign, size: int = SAMPLE) -> list[Person]:
    """Some of the people who would get the mail, the same ones at every look."""
    query = considered(
        "SELECT subscriber_id, list_id FROM considered WHERE reason = '' ORDER BY hashint8(subscriber_id) LIMIT :size"
    )
    chosen = db.session.execute(query, {**considered_binds(campaign), "size": size}).all()
    lists = {row.subscriber_id: row.list_id for row in chosen}
    people = db.session.scalars(select(Subscriber).where(Subscriber.id.in_(lists)).order_by(Subscriber.email)).all()
    return [Person(person.id, person.email, person.name, lists[person.id]) for person in people]


def considered(query: str) -> TextClause:
    """A query on `considered`: subscriber_id, list_id, email, reason (empty: planned), position of the cell (for those
    planned and held out). Bind what `considered_binds` gives."""
    return text(_CONSIDERED + query)


def considered_binds(campaign: Campaign) -> dict[str, Any]:
    """What `considered` needs to know of a campaign."""
    cut = cells_of(campaign)
    held_out = next((cell.position for cell in cut if cell.variant is None), None)
    return {
        "workspace": campaign.workspace_id,
        "included": included_lists(campaign),
        "excluded": excluded_lists(campaign),
        "salt": campaign.salt,
        "lows": [cell.low for cell in cut],
        "held_out": held_out or 0,
    }


def cells_of(campaign: Campaign) -> tuple[Slice, ...]:
    """The cells that the campaign's variants and held-out share make. Raises Invalid."""
    return slices([variant.share for variant in variants_of(campaign)], campaign.held_out)


def variants_of(campaign: Campaign) -> list[Variant]:
    """The campaign's variants in order."""
    query = select(Variant).where(Variant.campaign_id == campaign.id).order_by(Variant.position)
    return list(db.session.scalars(query))


def included_lists(campaign: Campaign) -> list[int]:
    """The ids of the lists it goes to."""
    return [int(number) for number in campaign.audience.get("lists", [])]


def excluded_lists(campaign: Campaign) -> list[int]:
    """The ids of the lists whose people are left out."""
    return [int(number) for number in campaign.audience.get("exclude", [])]
