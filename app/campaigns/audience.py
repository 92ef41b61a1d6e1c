"""Who a campaign goes to: one SELECT that judges everybody considered, for the live count and for the freeze alike.

Considered is everybody with a subscription in any state to a list that is included; somebody on several lists is one
row. The verdict is the first that fits: excluded, suppressed, unsubscribed, unconfirmed, written to too often or too
shortly before (`limits.py`), held out, planned. The list is the lowest included one where the person is confirmed, else
the lowest included: what one click unsubscribes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text

from app.audience.models import Subscriber
from app.campaigns.cells import NUMBER_SQL, Slice, slices
from app.campaigns.layout import Layout, layout_of
from app.campaigns.models import Campaign, Variant
from app.core.database import db

SAMPLE = 20

REST = """
    SELECT m.subscriber_id FROM messages m
    WHERE m.campaign_id = :rest_of AND m.workspace_id = :workspace AND m.subscriber_id IS NOT NULL
          AND (m.state IN ('planned', 'deferred', 'failed') OR (m.state = 'skipped' AND m.reason = 'cancelled'))
          AND NOT EXISTS (SELECT FROM messages n
                          WHERE n.campaign_id = ANY(:others) AND n.subscriber_id = m.subscriber_id)
"""
"""Whom a campaign has not sent to, and who is in no other corrected version of it: `rest_binds`."""

_CONSIDERED = """
WITH rest AS MATERIALIZED ({rest}), person AS (
    SELECT subscriber_id,
           coalesce(min(list_id) FILTER (WHERE state = 'confirmed'), min(list_id)) AS list_id,
           bool_or(state = 'confirmed') AS is_confirmed,
           bool_or(state = 'unsubscribed') AS has_left
    FROM subscriptions LEFT JOIN rest USING (subscriber_id)
    WHERE workspace_id = :workspace AND list_id = ANY(:included) AND (:rest_of = 0 OR rest.subscriber_id IS NOT NULL)
    GROUP BY subscriber_id
), kept_out AS (
    SELECT DISTINCT subscriber_id FROM subscriptions
    WHERE workspace_id = :workspace AND list_id = ANY(:excluded) AND state <> 'unsubscribed'
), placed AS ({placed}), crowded AS ({crowded}), drawn AS (
    SELECT person.*,
           CASE
               WHEN kept_out.subscriber_id IS NOT NULL THEN 'excluded'
               WHEN everywhere.id IS NOT NULL OR here.id IS NOT NULL THEN 'suppressed'
               WHEN NOT is_confirmed AND has_left THEN 'unsubscribed'
               WHEN NOT is_confirmed THEN 'unconfirmed'
               WHEN crowded.fault IS NOT NULL THEN crowded.fault
               ELSE ''
           END AS fault,
           width_bucket({number}, CAST(:lows AS bigint[])) AS position
    FROM placed person
    LEFT JOIN kept_out ON kept_out.subscriber_id = person.subscriber_id
    LEFT JOIN crowded ON crowded.subscriber_id = person.subscriber_id
    LEFT JOIN suppressions everywhere ON everywhere.workspace_id = :workspace AND everywhere.lifted_at IS NULL
        AND everywhere.list_id IS NULL AND everywhere.address_hash = person.address_hash
    LEFT JOIN suppressions here ON here.workspace_id = :workspace AND here.lifted_at IS NULL
        AND here.list_id = person.list_id AND here.address_hash = person.address_hash
), considered AS (
    SELECT subscriber_id, list_id, email,
           CASE WHEN fault = '' AND position = :held_out THEN 'held-out' ELSE fault END AS reason,
           CASE WHEN fault = '' THEN position END AS position,
           CASE WHEN fault = '' AND position <> :held_out THEN moment END AS moment
    FROM drawn
)
""".replace("{rest}", REST).replace("{number}", NUMBER_SQL.replace("{id}", "person.subscriber_id"))


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


def count_audience(campaign: Campaign, layout: Layout | None = None) -> AudienceCount:
    """The campaign's audience as it is at this moment; with a layout, as if it were sent so."""
    layout = layout or layout_of(campaign)
    query = "SELECT reason, position, count(*) FROM considered GROUP BY reason, position"
    rows = judge(query, campaign, layout).all()
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
    query = """SELECT subscriber_id, list_id FROM considered WHERE reason = ''
               ORDER BY hashint8(subscriber_id) LIMIT :size"""
    chosen = judge(query, campaign, layout_of(campaign), size=size).all()
    lists = {row.subscriber_id: row.list_id for row in chosen}
    people = db.session.scalars(select(Subscriber).where(Subscriber.id.in_(lists)).order_by(Subscriber.email)).all()
    return [Person(person.id, person.email, person.name, lists[person.id]) for person in people]


def people_by_zone(campaign: Campaign, layout: Layout) -> dict[str, int]:
    """How many of those who would get the mail have each time zone; `""` is none."""
    query = """SELECT s.timezone, count(*) FROM considered JOIN subscribers s ON s.id = considered.subscriber_id
               WHERE reason = '' GROUP BY s.timezone"""
    return dict(judge(query, campaign, layout).all())


def judge(query: str, campaign: Campaign, layout: Layout, /, **binds: Any) -> Any:
    """Run a query on `considered`: subscriber_id, list_id, email, reason (empty: planned), position of the cell (for
    those planned and held out), moment (NULL: at once)."""
    sql = _CONSIDERED.replace("{placed}", layout.placed).replace("{crowded}", layout.crowded) + query
    # A ledger that was written seconds ago has no statistics yet: taken for one row, it would be looked through once
    # for each person. Whole audiences are joined by hashing anyway.
    if layout.is_limited:
        db.session.execute(text("SET LOCAL enable_nestloop = off"))
    found = db.session.execute(text(sql), {**_binds(campaign, layout), **binds})
    if layout.is_limited:
        db.session.execute(text("SET LOCAL enable_nestloop = on"))
    return found


def _binds(campaign: Campaign, layout: Layout) -> dict[str, Any]:
    cut = cells_of(campaign)
    held_out = next((cell.position for cell in cut if cell.variant is None), None)
    return {
        "workspace": campaign.workspace_id,
        "included": included_lists(campaign),
        "excluded": excluded_lists(campaign),
        **rest_binds(campaign.corrects_id, campaign.id),
        "salt": campaign.salt,
        "lows": [cell.low for cell in cut],
        "held_out": held_out or 0,
        **layout.binds,
    }


def rest_binds(rest_of: int | None, this: int | None = None) -> dict[str, Any]:
    """What `REST` needs: the campaign that is corrected, if any, and its corrected versions but this one."""
    if rest_of is None:
        return {"rest_of": 0, "others": []}
    others = select(Campaign.id).where(Campaign.corrects_id == rest_of, Campaign.id != (this or 0))
    return {"rest_of": rest_of, "others": list(db.session.scalars(others))}


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
