"""A campaign after its launch: hold, progress, pause, the ledger."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.campaigns import control
from app.campaigns.audience import variants_of
from app.campaigns.by_provider import by_provider, try_again_now
from app.campaigns.held import after_hold
from app.campaigns.launch import prepare
from app.campaigns.lifecycle import UNTOUCHED, CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.progress import count_sent_back, progress_of
from app.campaigns.queries import list_names
from app.campaigns.review import sender_of, ways_of
from app.campaigns.upcoming import upcoming
from app.campaigns.views.blueprint import bp
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict
from app.core.extensions import settings
from app.messages.lifecycle import State
from app.messages.queries import ledger
from app.sending.lanes import start_lanes
from app.sending.prospects import went_by
from app.sending.transports import caught_at


def _or_say_why(view: Callable[[int], Any]) -> Callable[[int], Any]:
    """What came too late is said on the page of the campaign, which shows what happened meanwhile."""

    @wraps(view)
    def tried(campaign_id: int) -> Any:
        try:
            return view(campaign_id)
        except Conflict as error:
            db.session.rollback()
            flash(str(error), "error")
            page = make_response(_page(find_campaign(campaign_id)))
            if not page.location:
                page.status_code = 409
            return page

    return tried


@bp.get("/<int:campaign_id>")
@member(Role.VIEWER)
def show(campaign_id: int) -> Any:
    """Where the campaign stands. A draft opens in the composer."""
    return _page(find_campaign(campaign_id))


def _page(campaign: Campaign) -> Any:
    if campaign.state == CampaignState.DRAFT:
        return redirect(url_for("campaigns.content", campaign_id=campaign.id))
    names = list_names()
    return render_template(
        "campaigns/show.html",
        variants=variants_of(campaign),
        sender=sender_of(campaign, g.workspace),
        went_by=went_by(campaign.id) if campaign.launched_at else [],
        lists=[names[number] for number in campaign.audience.get("lists", []) if number in names],
        **_running(campaign),
    )


@bp.get("/<int:campaign_id>/progress")
@member(Role.VIEWER)
def progress(campaign_id: int) -> Any:
    """The part of the page that moves. Around it much depends on the state, so a new one asks for the whole page."""
    campaign = find_campaign(campaign_id)
    page = make_response(render_template("campaigns/_progress.html", **_running(campaign)))
    if request.args.get("seen", campaign.state) != campaign.state:
        page.headers["HX-Refresh"] = "true"
    return page


@bp.post("/<int:campaign_id>/pause")
@member(Role.EDITOR)
@_or_say_why
def pause(campaign_id: int) -> Any:
    """Stop sending for now."""
    by = _("Paused by %(name)s.", name=_whoever())
    control.pause(campaign_id, by)
    db.session.commit()
    flash(_("Paused. Mails a server is taking at this moment still go; nothing after them."), "success")
    return _back(campaign_id)


@bp.post("/<int:campaign_id>/resume")
@member(Role.EDITOR)
@_or_say_why
def resume(campaign_id: int) -> Any:
    """Go on sending."""
    campaign = control.resume(campaign_id)
    db.session.commit()
    if campaign.state == CampaignState.LAUNCHING:
        prepare([campaign_id])
    else:
        start_lanes(campaign_id)
    return _back(campaign_id)


@bp.post("/<int:campaign_id>/try-now")
@member(Role.EDITOR)
@_or_say_why
def try_now(campaign_id: int) -> Any:
    """End the rest of one mailbox provider, and the wait of what it deferred: the cause was mended."""
    done = try_again_now(find_campaign(campaign_id).id, request.form.get("provider", ""))
    db.session.commit()
    if done:
        start_lanes(campaign_id)
        said = ngettext("%(num)s message is tried again now.", "%(num)s messages are tried again now.", done.due)
        flash(_("It is tried again now, with one mail at first.") if done.has_rested else said, "success")
    return _back(campaign_id)


@bp.get("/<int:campaign_id>/cancel")
@member(Role.EDITOR)
@_or_say_why
def cancel(campaign_id: int) -> Any:
    """Ask before the rest is given up."""
    return render_template("campaigns/cancel.html", **_running(find_campaign(campaign_id)))


@bp.post("/<int:campaign_id>/cancel")
@member(Role.EDITOR)
@_or_say_why
def cancelled(campaign_id: int) -> Any:
    """Give up the rest."""
    control.cancel(campaign_id)
    db.session.commit()
    skipped = control.skip_rest(campaign_id)
    db.session.commit()
    flash(_cancelled_words(skipped, ledger(campaign_id).count(State.SENDING)), "success")
    return _back(campaign_id)


@bp.post("/<int:campaign_id>/undo")
@member(Role.EDITOR)
@_or_say_why
def undo(campaign_id: int) -> Any:
    """Make a draft of a campaign of which nothing has gone out."""
    control.undo(campaign_id)
    db.session.commit()
    flash(_("Undone: it is a draft again. Nothing was sent."), "success")
    return redirect(url_for("campaigns.review", campaign_id=campaign_id))


@bp.post("/<int:campaign_id>/send-now")
@member(Role.EDITOR)
@_or_say_why
def send_now(campaign_id: int) -> Any:
    """End the hold."""
    control.send_now(campaign_id)
    db.session.commit()
    start_lanes(campaign_id)
    return _back(campaign_id)


LONGEST_RATE = 60.0
"""Seconds over which the rate is measured at most: what was an hour ago tells nothing of when it will be done."""
QUIET = "Quiet hours until"
"""How the words of `accounts.quiet.quiet_words` begin."""
_GOING = (CampaignState.SENDING, CampaignState.PAUSED)
_UNDER_WAY = (CampaignState.SCHEDULED, CampaignState.LAUNCHING, CampaignState.HOLDING, *_GOING)
_WITH_PROVIDERS = (*_GOING, CampaignState.FINISHED, CampaignState.CANCELLED)


def _running(campaign: Campaign) -> dict[str, Any]:
    """What page and part share. The address of the part carries from when on the rate is measured."""
    counts, now = ledger(campaign.id), time.time()
    since = request.args.get("since", now, type=float)
    before = request.args.get("before", type=int)
    back = count_sent_back(campaign.id)
    progress = progress_of(counts, sent_back=back, done_before=before, seconds=now - since)
    left = (campaign.hold_until - clock.now()).total_seconds() if campaign.hold_until else 0
    return {
        "campaign": campaign,
        "ledger": counts,
        "progress": progress,
        **_measured_from(since, before, now, progress.done, flows=not campaign.waiting_for),
        "upcoming": upcoming(campaign) if campaign.state in (*_GOING, CampaignState.HOLDING) else None,
        "after_hold": after_hold(campaign, g.workspace) if campaign.state == CampaignState.HOLDING else None,
        "hold_left": max(0, round(left)),
        "is_quiet": campaign.state == CampaignState.SENDING and campaign.waiting_for.startswith(QUIET),
        "may_undo": campaign.state in _GOING and 0 < counts.audience == counts.count(*UNTOUCHED),
        "ways": ways_of(campaign) if campaign.state in _UNDER_WAY else None,
        "caught_at": caught_at(settings()),
        "providers": by_provider(campaign.id) if campaign.state in _WITH_PROVIDERS else [],
        # After a pause or a cancel, what workers hold comes back within seconds.
        "moves": campaign.state in (CampaignState.LAUNCHING, CampaignState.SENDING)
        or progress.under_way > 0
        or (campaign.state == CampaignState.CANCELLED and counts.open > 0),
    }


def _measured_from(since: float, before: int | None, now: float, done: int, *, flows: bool) -> dict[str, Any]:
    """From when on the next look counts for the rate: half a minute to a minute ago, and not from while it waited."""
    if before is None or not flows:
        return {"since": now, "before": done}
    seconds = now - since
    if seconds > LONGEST_RATE:
        return {"since": now - LONGEST_RATE / 2, "before": done - round((done - before) * LONGEST_RATE / 2 / seconds)}
    return {"since": since, "before": before}


def _cancelled_words(skipped: int, held: int) -> str:
    """What the button did; what workers hold is given back or goes out within seconds, so no number is right yet."""
    if held:
        said = ngettext(
            "Cancelled. %(count)s mail is still with a worker: a server may be taking a few right now, the others are "
            "given back unsent. The numbers below settle within seconds.",
            "Cancelled. %(count)s mails are still with the workers: a server may be taking a few right now, the others "
            "are given back unsent. The numbers below settle within seconds.",
            held,
            count=f"{held:,}",
        )
    else:
        said = ngettext(
            "Cancelled. One person was not written to.",
            "Cancelled. %(count)s people were not written to.",
            skipped,
            count=f"{skipped:,}",
        )
    return str(said)


def _whoever() -> str:
    return str(current_user.name or current_user.email)


def _back(campaign_id: int) -> Any:
    return redirect(url_for("campaigns.show", campaign_id=campaign_id))
