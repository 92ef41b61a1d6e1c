"""Reports: the list of them, one campaign's, and the people behind each number."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask_babel import format_datetime
from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.access import may, member
from app.accounts.models import Role
from app.campaigns.models import Campaign
from app.campaigns.second_try import may_send, may_try_again
from app.core.database import db
from app.core.errors import NotFound
from app.core.times import clock, zone
from app.messages.lifecycle import State
from app.messages.queries import ledger
from app.reporting.home import figures
from app.reporting.people import PAGE, people, people_csv
from app.reporting.report import report

bp = Blueprint("reports", __name__, url_prefix="/w/<ws>/reports")
LAST = 2**63 - 1
LISTED = 20
"""Campaigns on a page: their messages and events are counted for it."""
LAST_PAGE = 10_000
LAUNCHED = ("holding", "sending", "paused", "finished", "cancelled")


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """Campaigns that went out, the latest first; `?page=` from 1 on."""
    page = min(max(1, request.args.get("page", 1, int)), LAST_PAGE)
    campaigns = db.session.scalars(
        select(Campaign)
        .where(Campaign.state.in_(LAUNCHED))
        .order_by(Campaign.launched_at.desc(), Campaign.id.desc())
        .offset((page - 1) * LISTED)
        .limit(LISTED + 1)
    ).all()
    shown = campaigns[:LISTED]
    return render_template(
        "reporting/index.html",
        campaigns=shown,
        numbers={row["id"]: row for row in figures([campaign.id for campaign in shown])},
        older=page + 1 if len(campaigns) > LISTED else None,
    )


@bp.get("/<int:campaign_id>")
@member(Role.VIEWER)
def show(campaign_id: int) -> Any:
    """One campaign's report."""
    campaign = _campaign(campaign_id)
    found = report(campaign.id)
    labels = _labels([bucket for bucket, _opened, _clicked in found.timeline])
    return render_template("reporting/show.html", campaign=campaign, report=found, labels=labels)


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


def _labels(moments: list[datetime]) -> list[str]:
    """Times of day; with the day where there are several, or an hour of the next would read as one of the first."""
    local = [moment.astimezone(zone()) for moment in moments]
    if len({moment.date() for moment in local}) < 2:
        return [clock(moment) for moment in moments]
    return [format_datetime(moment, "d MMM, HH:mm", rebase=False) for moment in local]


def _wanted() -> dict[str, str]:
    asked = {name: request.args.get(name, "").replace("\0", "").strip() for name in ("state", "reason", "search")}
    return asked if asked["state"] in set(State) else {**asked, "state": ""}


def _after() -> int:
    return min(max(0, request.args.get("after", 0, int)), LAST)
