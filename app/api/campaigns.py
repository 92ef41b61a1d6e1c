"""Campaigns from draft to report."""

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.schemas import (
    CampaignIn,
    CampaignOut,
    CampaignPatch,
    LaunchIn,
    LedgerQuery,
    Page,
    PersonOut,
    ReportOut,
    ReviewOut,
    StatusOut,
    TestIn,
)
from app.campaigns import control
from app.campaigns.audience import variants_of
from app.campaigns.edit import (
    VariantInput,
    create_campaign,
    find_variant,
    save_audience,
    save_content,
    save_settings,
    set_variants,
)
from app.campaigns.launch import launch, prepare, unschedule
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review import review
from app.campaigns.testsend import send_test
from app.core.database import db
from app.messages.queries import Ledger, ledger
from app.rendering.starters import load_starter
from app.reporting.people import people
from app.reporting.report import CellReport, Rate, report
from app.sending.lanes import start_lanes

bp = APIBlueprint("campaigns", __name__, url_prefix="/campaigns")
COUNTS = (
    "variant_id",
    "name",
    "subject",
    "considered",
    "mailed",
    "delivered",
    "bounced",
    "opened_human",
    "opened_any",
    "clicked_human",
    "clicked_any",
    "unsubscribed",
    "complained",
)
SETTINGS = ("name", "from_name", "from_email", "reply_to", "track_opens", "track_clicks")


@bp.get("")
@bp.input(Page, location="query", arg_name="query")
@bp.output(CampaignOut(many=True))
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.VIEWER)
def campaigns(query: dict[str, Any]) -> Any:
    """All campaigns"""
    rows = select(Campaign).where(Campaign.id > query["after"]).order_by(Campaign.id).limit(query["limit"])
    return [_campaign(row) for row in db.session.scalars(rows)]


@bp.post("")
@bp.input(CampaignIn, arg_name="data")
@bp.output(CampaignOut, status_code=201)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def add(data: dict[str, Any]) -> Any:
    """Create a draft, from a starter or from MJML"""
    mjml = load_starter(data["starter"]).mjml if data["starter"] else data["mjml"]
    campaign = create_campaign(data["name"], mjml=mjml, subject=data["subject"])
    campaign = _save(campaign, {**data, "mjml": mjml})
    db.session.commit()
    return _campaign(campaign)


@bp.get("/<int:campaign_id>")
@bp.output(CampaignOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.VIEWER)
def one(campaign_id: int) -> Any:
    """One campaign"""
    return _campaign(find_campaign(campaign_id))


@bp.patch("/<int:campaign_id>")
@bp.input(CampaignPatch(partial=True), arg_name="data")
@bp.output(CampaignOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def edit(campaign_id: int, data: dict[str, Any]) -> Any:
    """Change a draft"""
    campaign = _save(find_campaign(campaign_id), data)
    db.session.commit()
    return _campaign(campaign)


@bp.get("/<int:campaign_id>/review")
@bp.output(ReviewOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.VIEWER)
def check(campaign_id: int) -> Any:
    """What would stop or should worry you, and how many people it goes to"""
    found = review(find_campaign(campaign_id))
    return {"recipients": found.audience.planned, "findings": found.findings}


@bp.post("/<int:campaign_id>/test")
@bp.input(TestIn, arg_name="data")
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def test(campaign_id: int, data: dict[str, Any]) -> Any:
    """Send a test mail; answers with the mail server's words"""
    campaign = find_campaign(campaign_id)
    said = send_test(campaign, find_variant(campaign, data["variant"]), data["email"])
    return {"reply": said}


@bp.post("/<int:campaign_id>/launch")
@bp.input(LaunchIn, arg_name="data")
@bp.output(CampaignOut, status_code=202)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def go(campaign_id: int, data: dict[str, Any]) -> Any:
    """Send it now, or at a time; twice is once"""
    launched = launch(campaign_id, by=None, at=data["at"])
    db.session.commit()
    if launched.is_new and data["at"] is None:
        prepare([campaign_id])
    return _campaign(find_campaign(campaign_id))


@bp.delete("/<int:campaign_id>/launch")
@bp.output(CampaignOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def take_back(campaign_id: int) -> Any:
    """Undo a launch during its hold, or a schedule; the campaign is a draft again"""
    campaign = find_campaign(campaign_id, fresh=True)
    undo = control.undo if campaign.state == CampaignState.HOLDING else unschedule
    undo(campaign_id)
    db.session.commit()
    return _campaign(find_campaign(campaign_id))


@bp.post("/<int:campaign_id>/pause")
@bp.output(CampaignOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def pause(campaign_id: int) -> Any:
    """Stop for now; what a server is taking at this moment still goes"""
    control.pause(campaign_id, "Paused by a program.")
    db.session.commit()
    return _campaign(find_campaign(campaign_id))


@bp.post("/<int:campaign_id>/resume")
@bp.output(CampaignOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def resume(campaign_id: int) -> Any:
    """Go on"""
    campaign = control.resume(campaign_id)
    db.session.commit()
    if campaign.state == CampaignState.LAUNCHING:
        prepare([campaign_id])
    else:
        start_lanes(campaign_id)
    return _campaign(find_campaign(campaign_id))


@bp.post("/<int:campaign_id>/cancel")
@bp.output(StatusOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.EDITOR)
def cancel(campaign_id: int) -> Any:
    """Cancel the rest; what is sent cannot be recalled"""
    control.cancel_rest(campaign_id)
    db.session.commit()
    return _status(find_campaign(campaign_id))


@bp.get("/<int:campaign_id>/status")
@bp.output(StatusOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.VIEWER)
def status(campaign_id: int) -> Any:
    """The ledger: everybody considered, by state and reason; adds up to the audience"""
    return _status(find_campaign(campaign_id))


@bp.get("/<int:campaign_id>/report")
@bp.output(ReportOut)
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.VIEWER)
def show_report(campaign_id: int) -> Any:
    """What came back, human and machine apart, with 95 % intervals"""
    found = report(find_campaign(campaign_id).id)
    return {
        "ledger": found.ledger.rows,
        "total": _cell(found.total),
        "cells": [_cell(cell) for cell in found.cells],
        "held_out": found.held_out,
        "links": found.links,
    }


@bp.get("/<int:campaign_id>/ledger")
@bp.input(LedgerQuery, location="query", arg_name="query")
@bp.output(PersonOut(many=True))
@bp.doc(security="key", tags=["Campaigns"])
@program(Role.VIEWER)
def ledger_people(campaign_id: int, query: dict[str, Any]) -> Any:
    """The people in a state, one by one"""
    return people(find_campaign(campaign_id).id, **query)


def _save(campaign: Campaign, data: dict[str, Any]) -> Campaign:
    """Write what was given, part by part, each step on the version the one before left."""
    version = data.get("version", campaign.version)
    if given := {name: data[name] for name in SETTINGS if name in data}:
        campaign = save_settings(campaign.id, version, **given)
        version = campaign.version
    if data.get("lists") or data.get("exclude"):
        before = campaign.audience
        campaign = save_audience(
            campaign.id,
            version,
            lists=data.get("lists") or before.get("lists", []),
            exclude=data.get("exclude") or before.get("exclude", []),
        )
        version = campaign.version
    if {"subject", "preheader", "mjml"} & data.keys():
        first = variants_of(campaign)[0]
        campaign = save_content(
            campaign.id,
            version,
            subject=data.get("subject") or first.subject,
            preheader=data.get("preheader") or first.preheader,
            mjml=data.get("mjml") or campaign.mjml,
        )
        version = campaign.version
    if data.get("variants"):
        wanted = [VariantInput(**variant) for variant in data["variants"]]
        campaign = set_variants(campaign.id, version, wanted, held_out=data.get("held_out", campaign.held_out))
    elif data.get("held_out"):
        only = variants_of(campaign)
        wanted = [VariantInput(v.share, v.subject, v.preheader, v.mjml, v.name) for v in only]
        campaign = set_variants(campaign.id, version, wanted, held_out=data["held_out"])
    return campaign


def _campaign(campaign: Campaign) -> dict[str, Any]:
    names = [name for name in CampaignOut().fields if name != "variants"]
    return {**{name: getattr(campaign, name) for name in names}, "variants": variants_of(campaign)}


def _status(campaign: Campaign) -> dict[str, Any]:
    found: Ledger = ledger(campaign.id)
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
