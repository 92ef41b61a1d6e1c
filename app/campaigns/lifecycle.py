"""The life of a campaign: every allowed change of state on one page, made by compare-and-set in the database.

    draft ────► launching ──► holding ──► sending ──► finished
      ▲  │          ▲  │         │         │  ▲  ▲        │
      │  ▼          │  │         │         ▼  │  └────────┘ (somebody chose to try a message again)
      │ scheduled ──┘  │         │       paused ──► cancelled ──► sending (for some who were left out, after all)
      │     │          │         │         ▲
      └─────┴──────────┴─────────┘         └── scheduled    (its time passed while we were down: it asks)

`launching` gives a draft back when the freeze fails; `holding`, `sending` and `paused` when somebody undoes the launch
before a single mail has gone out.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update

from app.campaigns.models import Campaign
from app.core.database import db
from app.core.errors import Conflict, NotFound
from app.messages.lifecycle import State


class CampaignState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LAUNCHING = "launching"
    HOLDING = "holding"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


ARROWS: dict[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.LAUNCHING, CampaignState.SCHEDULED}),
    # To itself: another time.
    CampaignState.SCHEDULED: frozenset(
        {CampaignState.LAUNCHING, CampaignState.DRAFT, CampaignState.PAUSED, CampaignState.SCHEDULED}
    ),
    CampaignState.LAUNCHING: frozenset({CampaignState.HOLDING, CampaignState.SENDING, CampaignState.DRAFT}),
    CampaignState.HOLDING: frozenset({CampaignState.SENDING, CampaignState.DRAFT}),
    # To draft only while nothing has gone out: `control.undo` looks.
    CampaignState.SENDING: frozenset(
        {CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED, CampaignState.DRAFT}
    ),
    # To launching only when it was never frozen: a schedule that passed while we were down.
    CampaignState.PAUSED: frozenset(
        {CampaignState.SENDING, CampaignState.CANCELLED, CampaignState.LAUNCHING, CampaignState.DRAFT}
    ),
    CampaignState.FINISHED: frozenset({CampaignState.SENDING}),
    # Those who were left out by it can be written to after all.
    CampaignState.CANCELLED: frozenset({CampaignState.SENDING}),
}

STARTED = frozenset({CampaignState.LAUNCHING, CampaignState.HOLDING, CampaignState.SENDING})
"""On its way out, with nothing left for a person to decide."""

UNTOUCHED = (State.PLANNED, State.SKIPPED)
"""States of messages that no server has been given."""

EDITABLE = frozenset({CampaignState.DRAFT})


def may_become(state: CampaignState, after: CampaignState) -> bool:
    """Whether a campaign in `state` may turn into `after`."""
    return after in ARROWS[state]


def change_state(
    campaign_id: int,
    to: CampaignState,
    *,
    expected: Iterable[CampaignState],
    version: int | None = None,
    **changes: Any,
) -> Campaign:
    """Move a campaign to `to` if it is in one of `expected` (and at `version`); of several callers at once, one wins.

    `changes` are written by the same UPDATE; the reason for waiting is cleared unless given. Raises Conflict when lost.
    """
    sources = [state for state in expected if may_become(state, to)]
    cleared: dict[str, Any] = {"waiting_for": "", "waiting_since": None}
    statement = (
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state.in_(sources))
        .values(state=to, **{**cleared, **changes})
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    if version is not None:
        statement = statement.where(Campaign.version == version)
    won = db.session.scalar(statement)
    campaign = find_campaign(campaign_id, fresh=True)
    if won is None:
        raise Conflict(_lost(campaign, to, version))
    return campaign


def find_campaign(campaign_id: int, *, fresh: bool = False) -> Campaign:
    """The campaign of the workspace in scope. Raises NotFound."""
    campaign = db.session.scalar(
        select(Campaign).where(Campaign.id == campaign_id).execution_options(populate_existing=fresh)
    )
    if campaign is None:
        raise NotFound("There is no such campaign in this workspace.")
    return campaign


def waiting(reason: str, since: datetime) -> dict[str, Any]:
    """The changes that say why nothing goes out."""
    return {"waiting_for": reason, "waiting_since": since}


def _lost(campaign: Campaign, to: CampaignState, version: int | None) -> str:
    if version is not None and campaign.version != version:
        return f"“{campaign.name}” was changed meanwhile, so it was not moved on. Look at it again, then repeat."
    return f"“{campaign.name}” is {campaign.state} now, so it cannot become {to}. Nothing was changed."
