"""Reading campaigns for their pages: plain rows out. Needs a workspace in scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, distinct, func, select

from app.audience.models import MailingList
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign, Variant
from app.core.database import db
from app.messages.lifecycle import State
from app.messages.models import Event, Message

PAGE = 20
TABS: dict[str, tuple[CampaignState, ...]] = {
    "all": tuple(CampaignState),
    "drafts": (CampaignState.DRAFT,),
    "scheduled": (CampaignState.SCHEDULED,),
    "under-way": (CampaignState.LAUNCHING, CampaignState.HOLDING, CampaignState.SENDING, CampaignState.PAUSED),
    "sent": (CampaignState.FINISHED, CampaignState.CANCELLED),
    "archived": (),
}


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign in the list. Counts are None before anything was sent."""

    id: int
    name: str
    subject: str
    state: str
    lists: tuple[str, ...]
    considered: int | None
    scheduled_at: datetime | None
    launched_at: datetime | None
    is_archived: bool
    delivered: int | None = None
    clicked: int | None = None
    unsubscribed: int | None = None


def tab_counts() -> dict[str, int]:
    """How many campaigns each tab has."""
    rows = db.session.execute(
        select(Campaign.state, Campaign.archived_at.is_not(None), func.count()).group_by(
            Campaign.state, Campaign.archived_at.is_not(None)
        )
    ).all()
    counts = {
        tab: sum(count for state, archived, count in rows if not archived and state in states)
        for tab, states in TABS.items()
    }
    counts["archived"] = sum(count for _, archived, count in rows if archived)
    return counts


def list_campaigns(tab: str, *, before: int | None = None, search: str = "") -> list[CampaignRow]:
    """A page of campaigns, the newest first; one more than `PAGE` when there are older ones."""
    query = select(Campaign).where(_in_tab(tab)).order_by(Campaign.id.desc()).limit(PAGE + 1)
    if before:
        query = query.where(Campaign.id < before)
    if search:
        query = query.where(Campaign.name.icontains(search, autoescape=True))
    campaigns = db.session.scalars(query).all()
    started = [campaign.id for campaign in campaigns if campaign.launched_at]
    subjects, lists = _subjects([campaign.id for campaign in campaigns]), list_names()
    sent, reactions = _sent(started), _reactions(started)
    return [
        CampaignRow(
            id=campaign.id,
            name=campaign.name,
            subject=subjects.get(campaign.id, ""),
            state=campaign.state,
            lists=tuple(lists[number] for number in campaign.audience.get("lists", []) if number in lists),
            considered=campaign.considered,
            scheduled_at=campaign.scheduled_at,
            launched_at=campaign.launched_at,
            is_archived=campaign.archived_at is not None,
            **_numbers(campaign, sent, reactions),
        )
        for campaign in campaigns
    ]


def list_names() -> dict[int, str]:
    """Every list of the workspace, by id."""
    rows = db.session.execute(select(MailingList.id, MailingList.name).order_by(MailingList.name))
    return dict(rows.all())


def lists_to_choose(chosen: Sequence[int]) -> list[MailingList]:
    """The lists in use, and those chosen before they were archived."""
    query = select(MailingList).where(MailingList.archived_at.is_(None) | MailingList.id.in_(chosen))
    return list(db.session.scalars(query.order_by(MailingList.name)))


def _in_tab(tab: str) -> ColumnElement[bool]:
    if tab == "archived":
        return Campaign.archived_at.is_not(None)
    return and_(Campaign.archived_at.is_(None), Campaign.state.in_(TABS.get(tab, TABS["all"])))


def _subjects(ids: list[int]) -> dict[int, str]:
    rows = db.session.execute(
        select(Variant.campaign_id, Variant.subject).where(Variant.campaign_id.in_(ids), Variant.position == 1)
    )
    return dict(rows.all())


def _sent(ids: list[int]) -> dict[int, int]:
    rows = db.session.execute(
        select(Message.campaign_id, func.count())
        .where(Message.campaign_id.in_(ids), Message.state == State.SENT)
        .group_by(Message.campaign_id)
    )
    return dict(rows.all())


def _reactions(ids: list[int]) -> dict[tuple[int, str], int]:
    """People who clicked, machines left out, and people who unsubscribed."""
    rows = db.session.execute(
        select(Event.campaign_id, Event.kind, func.count(distinct(Event.message_id)))
        .where(
            Event.campaign_id.in_(ids),
            (Event.kind == "unsubscribed") | ((Event.kind == "clicked") & (Event.label == "human")),
        )
        .group_by(Event.campaign_id, Event.kind)
    )
    return {(campaign_id, kind): count for campaign_id, kind, count in rows}


def _numbers(campaign: Campaign, sent: dict[int, int], reactions: dict[tuple[int, str], int]) -> dict[str, int]:
    if campaign.launched_at is None:
        return {}
    return {
        "delivered": sent.get(campaign.id, 0),
        "clicked": reactions.get((campaign.id, "clicked"), 0),
        "unsubscribed": reactions.get((campaign.id, "unsubscribed"), 0),
    }
