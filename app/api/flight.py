"""Campaigns on their way: launching, pausing, and what became of them."""

from typing import Any

from apiflask import APIBlueprint

from app.accounts.access import program
from app.accounts.models import Role
from app.api.campaigns import shown
from app.api.intake import asks, takes
from app.api.paging import paged
from app.api.repeats import once
from app.api.schemas.campaigns import CampaignFull, CampaignOut, LaunchIn
from app.api.schemas.common import Page
from app.api.schemas.ledger import DoubtOut, RetryIn, RetryOut, SettledOut, SettleIn
from app.api.schemas.results import LedgerQuery, PersonOut, ReportOut, StatusOut
from app.campaigns import control, settle
from app.campaigns.corrected import make_corrected
from app.campaigns.launch import launch, prepare
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.second_try import count_second_try, picks_of, try_again
from app.campaigns.timing import AT_ONCE, PASSED, Timing
from app.campaigns.zone import read_wall
from app.core.database import db
from app.core.errors import Invalid
from app.messages.queries import ledger
from app.reporting.people import people
from app.reporting.report import CellReport, Rate, report
from app.sending.lanes import start_lanes

bp = APIBlueprint("flight", __name__, url_prefix="/campaigns/<int:campaign_id>", tag="Sending and results")
BY = "a program"
TIMING = ("local_at", "passed", "spread")
"""Where these stand in the body, a fault is to say."""


@bp.post("/launch")
@program(Role.EDITOR)
@takes(bp, LaunchIn)
@bp.output(CampaignOut, status_code=202)
def go(campaign_id: int, data: dict[str, Any]) -> Any:
    """Send it now, or at a time; twice is once"""
    try:
        timing = _timing(data["timing"])
        launched = launch(campaign_id, by=None, at=data["at"], version=data["version"], timing=timing)
    except Invalid as error:
        if error.field in TIMING:
            raise Invalid(str(error), field=f"timing.{error.field}") from error
        raise
    db.session.commit()
    if launched.is_new and launched.campaign.state == CampaignState.LAUNCHING:
        prepare([campaign_id])
    return shown(find_campaign(campaign_id))


@bp.delete("/launch")
@program(Role.EDITOR)
@bp.output(CampaignOut)
def take_back(campaign_id: int) -> Any:
    """Undo a schedule, or a launch of which no mail has gone out yet; the campaign is a draft again"""
    control.take_back(campaign_id)
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


@bp.post("/retry")
@program(Role.EDITOR)
@once
@takes(bp, RetryIn)
@bp.output(RetryOut)
def retry(campaign_id: int, data: dict[str, Any]) -> Any:
    """Try exactly those again who failed for these reasons; never dead addresses, nor people who left

    A finished campaign sends again. With `dry_run`, nothing is changed.
    """
    picks = picks_of(find_campaign(campaign_id).id, data["reasons"])
    if data["dry_run"]:
        return count_second_try(campaign_id, picks)
    return try_again(campaign_id, picks, by=BY, asked=data["at_most"])


@bp.get("/uncertain")
@program(Role.VIEWER)
@asks(bp, Page)
@bp.output(DoubtOut(many=True))
def uncertain(campaign_id: int, query: dict[str, Any]) -> Any:
    """Messages handed over without a clear answer, and what is known of each"""
    rows = settle.doubts(find_campaign(campaign_id).id, **query)
    return paged(rows, query, rows[-1].id if rows else None)


@bp.post("/settle")
@program(Role.EDITOR)
@once
@takes(bp, SettleIn)
@bp.output(SettledOut)
def settle_doubts(campaign_id: int, data: dict[str, Any]) -> Any:
    """Decide about messages in doubt: take them as sent, or send them again though some may get it twice"""
    number = find_campaign(campaign_id).id
    if data["as_"] == "sent":
        return {"settled": settle.take_as_sent(number, by=BY, ids=data["messages"]), "left_out": {}}
    if data["as_"] == "again" and not data["knowing"]:
        raise Invalid(
            "Some of them may have it already and would get it twice. Nothing was changed; if you accept that, say "
            "`knowing`: true.",
            field="knowing",
        )
    if data["as_"] == "again":
        done = settle.send_again(number, by=BY, ids=data["messages"])
        return {"settled": done.tried, "left_out": done.left_out}
    raise Invalid("Say `as`: sent, or again. Nothing was changed.", field="as")


@bp.post("/correct")
@program(Role.EDITOR)
@once
@bp.output(CampaignFull, status_code=201)
def correct(campaign_id: int) -> Any:
    """Draft a corrected version for those who got nothing yet; the one there is, if there is one

    When that draft is launched, the rest of this campaign is cancelled.
    """
    return shown(make_corrected(campaign_id))


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


def _timing(given: dict[str, Any] | None) -> Timing:
    if given is None:
        return AT_ONCE
    at = read_wall(given["local_at"], field="local_at") if given["local_at"] is not None else None
    passed = given["passed"]
    if at is None and passed is not None:
        raise Invalid(
            "`passed` says what becomes of those in whose zone `local_at` has passed, and there is no `local_at`. "
            "Nothing was scheduled. Give `local_at` as well, or leave `passed` out.",
            field="passed",
        )
    return Timing(at, PASSED[0] if passed is None else passed, given["spread"])


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
        "considered": campaign.considered,
        "adds_up": found.audience == (campaign.considered or 0),
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
