"""Campaigns on their way: launching, pausing, and what became of them."""

from typing import Any

from apiflask import APIBlueprint

from app.accounts.access import program
from app.accounts.models import Role
from app.api.campaigns import shown
from app.api.intake import asks, takes
from app.api.paging import paged
from app.api.schemas.campaigns import CampaignOut, LaunchIn
from app.api.schemas.results import LedgerQuery, PersonOut, ReportOut, StatusOut
from app.campaigns import control
from app.campaigns.launch import launch, prepare, unschedule
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.core.database import db
from app.messages.queries import ledger
from app.reporting.people import people
from app.reporting.report import CellReport, Rate, report
from app.sending.lanes import start_lanes

bp = APIBlueprint("flight", __name__, url_prefix="/campaigns/<int:campaign_id>", tag="Sending and results")


@bp.post("/launch")
@program(Role.EDITOR)
@takes(bp, LaunchIn)
@bp.output(CampaignOut, status_code=202)
def go(campaign_id: int, data: dict[str, Any]) -> Any:
    """Send it now, or at a time; twice is once"""
    launched = launch(campaign_id, by=None, at=data["at"], version=data["version"])
    db.session.commit()
    if launched.is_new and data["at"] is None:
        prepare([campaign_id])
    return shown(find_campaign(campaign_id))


@bp.delete("/launch")
@program(Role.EDITOR)
@bp.output(CampaignOut)
def take_back(campaign_id: int) -> Any:
    """Undo a launch during its hold, or a schedule; the campaign is a draft again"""
    campaign = find_campaign(campaign_id, fresh=True)
    undo = control.undo if campaign.state == CampaignState.HOLDING else unschedule
    undo(campaign_id)
    db.session.commit()
    return shown(find_campaign(campaign_id))


@bp.post("/pause")
@program(Role.EDITOR)
@bp.output(CampaignOut)
def pause(campaign_id: int) -> Any:
    """Stop for now; what a server is taking at this moment still goes"""
    control.pause(campaign_id, "Paused by a program.")
    db.session.commit()
    return shown(find_campaign(campaign_id))


@bp.post("/resume")
@program(Role.EDITOR)
@bp.output(CampaignOut)
def resume(campaign_id: int) -> Any:
    """Go on"""
    campaign = control.resume(campaign_id)
    db.session.commit()
    if campaign.state == CampaignState.LAUNCHING:
        prepare([campaign_id])
    else:
        start_lanes(campaign_id)
    return shown(find_campaign(campaign_id))


@bp.post("/cancel")
@program(Role.EDITOR)
@bp.output(StatusOut)
def cancel(campaign_id: int) -> Any:
    """Cancel the rest; what is sent cannot be recalled"""
    control.cancel(campaign_id)
    db.session.commit()  # now no worker begins another message, while the rest is being skipped
    control.skip_rest(campaign_id)
    db.session.commit()
    return _status(find_campaign(campaign_id))


@bp.get("/status")
@program(Role.VIEWER)
@bp.output(StatusOut)
def status(campaign_id: int) -> Any:
    """The ledger: everybody considered, by state and reason; adds up to the audience"""
    return _status(find_campaign(campaign_id))


@bp.get("/ledger")
@program(Role.VIEWER)
@asks(bp, LedgerQuery)
@bp.output(PersonOut(many=True))
def people_in(campaign_id: int, query: dict[str, Any]) -> Any:
    """The people of the ledger, one by one"""
    rows = people(find_campaign(campaign_id).id, **query)
    return paged(rows, query, rows[-1]["id"] if rows else None)


@bp.get("/report")
@program(Role.VIEWER)
@bp.output(ReportOut)
def results(campaign_id: int) -> Any:
    """What came back, human and machine apart, with 95 % intervals"""
    found = report(find_campaign(campaign_id).id)
    return {
        "ledger": found.ledger.rows,
        "total": _cell(found.total),
        "cells": [_cell(cell) for cell in found.cells],
        "held_out": found.held_out,
        "links": found.links,
    }


COUNTS = (
    *("variant_id", "name", "subject", "considered", "mailed", "delivered", "bounced", "opened_human", "opened_any"),
    *("clicked_human", "clicked_any", "unsubscribed", "complained"),
)


def _status(campaign: Campaign) -> dict[str, Any]:
    found = ledger(campaign.id)
    return {
        "id": campaign.id,
        "state": campaign.state,
        "audience": found.audience,
        "open": found.open,
        "ledger": found.rows,
        "waiting_for": campaign.waiting_for,
    }


def _cell(cell: CellReport) -> dict[str, Any]:
    return {**{name: getattr(cell, name) for name in COUNTS}, "human_clicks": _rate(cell.human_clicks)}


def _rate(rate: Rate) -> dict[str, Any]:
    if not rate.of:
        return {"count": rate.count, "of": 0, "rate": None, "low": None, "high": None}
    found = rate.interval
    return {"count": rate.count, "of": rate.of, "rate": found.estimate, "low": found.low, "high": found.high}
