"""The blueprint of campaigns, and what its pages share."""

from typing import Any

from flask import Blueprint, g, render_template
from flask_login import current_user

from app.accounts.access import may
from app.accounts.models import Role
from app.campaigns.audience import variants_of
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.zone import local_time
from app.rendering.readable import Piece, pieces

bp = Blueprint("campaigns", __name__, url_prefix="/w/<ws>/campaigns")


@bp.app_template_filter("pieces")
def _pieces(text: str) -> list[Piece]:
    return pieces(text)


@bp.context_processor
def _shared() -> dict[str, Any]:
    return {
        "may_edit": may(Role.EDITOR),
        "may_own": may(Role.OWNER),
        "local_time": lambda moment: local_time(moment, g.workspace),
    }


def compose_page(template: str, campaign: Campaign, status: int = 200, **values: Any) -> Any:
    """One of the tabs of the composer."""
    page = render_template(
        template,
        campaign=campaign,
        variants=variants_of(campaign),
        corrected=corrected_by(campaign),
        editable=campaign.state == CampaignState.DRAFT and may(Role.EDITOR),
        **values,
    )
    return page, status


def corrected_by(campaign: Campaign) -> Campaign | None:
    """The campaign that this one corrects, while there is one."""
    return find_campaign(campaign.corrects_id) if campaign.corrects_id else None


def user_id() -> int:
    """The id of whoever is signed in."""
    return int(current_user.id)
