"""Campaigns: writing, reviewing and trying a draft."""

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.drafts import change_draft, make_draft
from app.api.intake import asks, takes
from app.api.paging import paged
from app.api.repeats import once
from app.api.schemas.campaigns import (
    CampaignFull,
    CampaignIn,
    CampaignOut,
    CampaignPatch,
    ReviewOut,
    StarterOut,
    TestIn,
    TestOut,
)
from app.api.schemas.common import Page
from app.campaigns.audience import variants_of
from app.campaigns.edit import delete_draft
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review import review
from app.campaigns.testsend import send_test, what_speaks_against
from app.core.database import db
from app.core.errors import Invalid
from app.core.outside import waiting_outside
from app.rendering.starters import list_starters
from app.sending.simple import WAIT

bp = APIBlueprint("campaigns", __name__, url_prefix="/campaigns", tag="Campaigns")


@bp.get("")
@program(Role.VIEWER)
@asks(bp, Page)
@bp.output(CampaignOut(many=True))
def index(query: dict[str, Any]) -> Any:
    """All campaigns, in the order of their ids"""
    rows = select(Campaign).where(Campaign.id > query["after"]).order_by(Campaign.id).limit(query["limit"])
    found = list(db.session.scalars(rows))
    return paged([shown(row) for row in found], query, found[-1].id if found else None)


@bp.get("/starters")
@program(Role.VIEWER)
@bp.output(StarterOut(many=True))
def starters() -> Any:
    """Finished designs to begin from"""
    return list_starters()


@bp.post("")
@program(Role.EDITOR)
@once
@takes(bp, CampaignIn)
@bp.output(CampaignFull, status_code=201)
def create(data: dict[str, Any]) -> Any:
    """Create a draft, from a starter or from MJML"""
    return shown(make_draft(data))


@bp.get("/<int:campaign_id>")
@program(Role.VIEWER)
@bp.output(CampaignFull)
def read(campaign_id: int) -> Any:
    """One campaign, with its content"""
    return shown(find_campaign(campaign_id))


@bp.patch("/<int:campaign_id>")
@program(Role.EDITOR)
@takes(bp, CampaignPatch)
@bp.output(CampaignFull)
def change(campaign_id: int, data: dict[str, Any]) -> Any:
    """Change a draft

    What is left out stays; an empty text or list takes the old one away. All of it is written, or nothing.
    """
    campaign = change_draft(campaign_id, data)
    db.session.commit()
    return shown(campaign)


@bp.delete("/<int:campaign_id>")
@program(Role.EDITOR)
@bp.output({}, status_code=204)
def remove(campaign_id: int) -> Any:
    """Delete a draft for good"""
    delete_draft(campaign_id)
    db.session.commit()
    return ""


@bp.get("/<int:campaign_id>/review")
@program(Role.VIEWER)
@bp.output(ReviewOut)
def check(campaign_id: int) -> Any:
    """What would stop or should worry you, and how many people it goes to"""
    campaign = find_campaign(campaign_id)
    found = review(campaign)
    return {
        "version": campaign.version,
        "recipients": found.audience.planned,
        "findings": found.findings,
        "ways": found.ways.ways,
    }


@bp.post("/<int:campaign_id>/test")
@program(Role.EDITOR)
@takes(bp, TestIn)
@bp.output(TestOut)
def test(campaign_id: int, data: dict[str, Any]) -> Any:
    """Send a test mail now; answers with the mail server's words

    It goes even where a launch would be refused; `warnings` says why that would be.
    """
    campaign = find_campaign(campaign_id)
    variant = next((variant for variant in variants_of(campaign) if variant.position == data["variant"]), None)
    if variant is None:
        raise Invalid(f"“{campaign.name}” has no variant {data['variant']}. Nothing was sent.", field="variant")
    with waiting_outside(WAIT) as until:
        reply = send_test(campaign, variant, data["email"], until=until)
    return {"reply": reply, "warnings": what_speaks_against(campaign)}


def shown(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the API gives it."""
    names = [name for name in CampaignFull().fields if name != "variants"]
    return {**{name: getattr(campaign, name) for name in names}, "variants": variants_of(campaign)}
