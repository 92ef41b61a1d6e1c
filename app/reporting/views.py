"""Reports: the list of them, one campaign's, and the people behind each number."""

from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.access import may, member
from app.accounts.models import Role
from app.campaigns.models import Campaign
from app.campaigns.second_try import may_send, may_try_again
from app.core.database import db
from app.core.errors import NotFound
from app.messages.lifecycle import State
from app.messages.queries import ledger
from app.reporting.people import PAGE, people, people_csv
from app.reporting.report import report

bp = Blueprint("reports", __name__, url_prefix="/w/<ws>/reports")
LAST = 2**63 - 1
LAUNCHED = ("holding", "sending", "paused", "finished", "cancelled")


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """Campaigns that went out, the latest first."""
    campaigns = db.session.scalars(
        select(Campaign)
        .where(Campaign.state.in_(LAUNCHED))
        .order_by(Campaign.launched_at.desc(), Campaign.id.desc())
        .limit(100)
    ).all()
    return render_template("reporting/index.html", campaigns=campaigns)


@bp.get("/<int:campaign_id>")
@member(Role.VIEWER)
def show(campaign_id: int) -> Any:
    """One campaign's report."""
    campaign = _campaign(campaign_id)
    return render_template("reporting/show.html", campaign=campaign, report=report(campaign.id))


@bp.get("/<int:campaign_id>/people")
@member(Role.VIEWER)
def ledger_people(campaign_id: int) -> Any:
    """The people in a state of the ledger."""
    campaign, wanted = _campaign(campaign_id), _wanted()
    page = people(campaign.id, **wanted, after=_after(), limit=PAGE + 1)
    return render_template(
        "reporting/people.html",
        campaign=campaign,
        people=page[:PAGE],
        **wanted,
        states=list(State),
        rows=[row for row in ledger(campaign.id).rows if row.state == wanted["state"] and row.reason],
        can_try_again=wanted["reason"] and may_try_again(wanted["state"], wanted["reason"]) and may_send(campaign),
        may_edit=may(Role.EDITOR),
        next_after=page[PAGE - 1]["id"] if len(page) > PAGE else None,
    )


@bp.get("/<int:campaign_id>/people.csv")
@member(Role.VIEWER)
def export(campaign_id: int) -> Response:
    """The same as a file."""
    campaign = _campaign(campaign_id)
    headers = {"Content-Disposition": f'attachment; filename="campaign-{campaign.id}-ledger.csv"'}
    lines = people_csv(campaign.id, campaign.workspace_id, **_wanted())
    return Response(stream_with_context(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _campaign(campaign_id: int) -> Campaign:
    campaign = db.session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound(_("There is no such campaign in this workspace."))
    return campaign


def _wanted() -> dict[str, str]:
    asked = {name: request.args.get(name, "").replace("\0", "").strip() for name in ("state", "reason", "search")}
    return asked if asked["state"] in set(State) else {**asked, "state": ""}


def _after() -> int:
    return min(max(0, request.args.get("after", 0, int)), LAST)
