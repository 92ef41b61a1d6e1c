"""The review against the real audience: who would read a gap where a name should be, who was written to just now."""

from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from app.campaigns.audience import AudienceCount, judge, variants_of
from app.campaigns.bare_tags import BareTag, bare_tags
from app.campaigns.findings import AUDIENCE, CONTENT, Finding
from app.campaigns.layout import layout_of
from app.campaigns.models import Campaign, Variant
from app.campaigns.review_content import source_of
from app.core import clock
from app.core.database import db

RECENT = timedelta(hours=16)
COLUMNS = {"first_name": "s.first_name", "last_name": "s.last_name", "name": "s.first_name || s.last_name"}


def people_findings(campaign: Campaign, audience: AudienceCount) -> list[Finding]:
    """Warnings that need the people themselves, with how many of them they are about."""
    if not audience.planned:
        return []
    return [*_gaps(campaign, audience), *_mailed_lately(campaign, audience)]


def _gaps(campaign: Campaign, audience: AudienceCount) -> list[Finding]:
    tags = [(variant, tag) for variant in variants_of(campaign) for tag in _tags_of(campaign, variant)]
    if not tags:
        return []
    counts: list[str] = []
    binds: dict[str, Any] = {}
    for number, (variant, tag) in enumerate(tags):
        counts.append(f"count(*) FILTER (WHERE position = :at_{number} AND {_is_empty(tag.field, number, binds)})")
        binds[f"at_{number}"] = variant.position
    joined = "FROM considered JOIN subscribers s ON s.id = considered.subscriber_id WHERE reason = ''"
    row = judge(f"SELECT {', '.join(counts)} {joined}", campaign, layout_of(campaign), **binds).one()
    return [
        _gap(variant, tag, count, audience.cells.get(variant.position, 0))
        for (variant, tag), count in zip(tags, row, strict=True)
        if count
    ]


def _tags_of(campaign: Campaign, variant: Variant) -> list[BareTag]:
    parts = (("subject", variant.subject), ("preheader", variant.preheader), ("mjml", source_of(campaign, variant)))
    tags = [tag for where, source in parts for tag in bare_tags(source, where)]
    return list({(tag.where, tag.field): tag for tag in reversed(tags)}.values())[::-1]


def _is_empty(field: str, number: int, binds: dict[str, Any]) -> str:
    """The names of columns are ours; the name of an attribute travels as a value."""
    column = COLUMNS.get(field)
    if column is None:
        binds[f"key_{number}"] = field
        column = f"s.attributes ->> :key_{number}"
    return f"btrim(coalesce({column}, '')) = ''"


def _gap(variant: Variant, tag: BareTag, count: int, people: int) -> Finding:
    message = (
        f"{count:,} of {people:,} people will read “{tag.gap}”: they have no {tag.field}. "
        f'Write {{{{ subscriber.{tag.field} | fallback("…") }}}}.'
    )
    about = f"{variant.name}: {message}" if variant.share < 1 else message
    return Finding("warning", "gap", about, CONTENT, tag.where, {"variant": variant.position})


def _mailed_lately(campaign: Campaign, audience: AudienceCount) -> list[Finding]:
    since = clock.now() - RECENT
    recent = db.session.scalars(
        select(Campaign.id).where(
            Campaign.id != campaign.id,
            Campaign.launched_at.is_not(None),
            or_(Campaign.finished_at.is_(None), Campaign.finished_at > since),
        )
    ).all()
    if not recent:
        return []
    query = (
        "SELECT count(*) FROM considered WHERE reason = '' AND subscriber_id IN ("
        "SELECT subscriber_id FROM messages WHERE workspace_id = :workspace AND campaign_id = ANY(:lately) "
        "AND (sent_at > :since OR state IN ('planned', 'sending', 'deferred')))"
    )
    count = judge(query, campaign, layout_of(campaign), lately=list(recent), since=since).scalar_one()
    if not count:
        return []
    message = (
        f"{count:,} of {audience.planned:,} people got another campaign in the last 16 hours, or are about to get one."
    )
    return [Finding("warning", "mailed-lately", message, AUDIENCE, "lists")]
