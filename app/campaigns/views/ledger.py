"""The ledger as something to act on: try again, settle the uncertain, correct what has not gone out."""

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.campaigns import settle
from app.campaigns.came_back import CameBack, Offer, came_back_in, discarded_of, offers_of, try_came_back
from app.campaigns.corrected import corrections, count_rest, make_corrected, may_be_corrected
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.second_try import Pick, SecondTry, count_second_try, may_send, may_try_again, picks_of, try_again
from app.campaigns.views.blueprint import bp
from app.core.database import db
from app.core.errors import Conflict
from app.messages.lifecycle import State
from app.messages.queries import Ledger, LedgerRow
from app.messages.queries import ledger as counts_of
from app.sending.lanes import start_lanes
from app.tracking.incidents.holding import DOUBTED
from app.tracking.incidents.queries import Concerned
from app.tracking.models import Incident

SENT, AGAIN = "sent", "again"
LARGEST = 2**63 - 1


@bp.get("/<int:campaign_id>/ledger")
@member(Role.VIEWER)
def ledger(campaign_id: int) -> Any:
    """Everybody by state and reason, whether the sum is right, and what can be done."""
    campaign = find_campaign(campaign_id)
    if campaign.considered is None:
        return _to_show(campaign_id)
    counts = counts_of(campaign_id)
    discarded = discarded_of(campaign_id) if counts.count(State.BOUNCED) else []
    return render_template(
        "campaigns/ledger/show.html",
        campaign=campaign,
        ledger=counts,
        tries=_tries(counts, discarded),
        discarded=discarded,
        can_send=may_send(campaign),
        doubtful=(doubtful := counts.count(State.UNCERTAIN)),
        causes=settle.causes(campaign_id) if doubtful else [],
        rest=count_rest(campaign_id) if may_be_corrected(campaign) else 0,
        first=find_campaign(campaign.corrects_id) if campaign.corrects_id else None,
        corrections=corrections(campaign_id),
    )


@bp.get("/<int:campaign_id>/ledger/retry")
@member(Role.EDITOR)
def ledger_retry(campaign_id: int) -> Any:
    """Say exactly how many will be tried again, and who is left out."""
    campaign = find_campaign(campaign_id)
    if campaign.considered is None:
        return _to_show(campaign_id)
    picks = picks_of(campaign_id, request.args.getlist("pick"))
    return _retry_page(campaign, picks, count_second_try(campaign_id, picks))


@bp.get("/<int:campaign_id>/ledger/incidents/<int:incident_id>")
@member(Role.EDITOR)
def ledger_came_back(campaign_id: int, incident_id: int) -> Any:
    """Say how many people will be tried again who came back in an incident, and for nobody's fault."""
    campaign = find_campaign(campaign_id)
    if campaign.considered is None:
        return _to_show(campaign_id)
    came_back, ids = came_back_in(campaign_id, incident_id)
    return _retry_page(campaign, [], count_second_try(campaign_id, came_back.picks, ids), came_back=came_back)


@bp.post("/<int:campaign_id>/ledger/incidents/<int:incident_id>")
@member(Role.EDITOR)
def ledger_came_back_tried(campaign_id: int, incident_id: int) -> Any:
    """Try exactly those again."""
    find_campaign(campaign_id)
    try:
        done = try_came_back(campaign_id, incident_id, by=_whoever(), asked=request.form.get("asked", type=int))
    except Conflict as error:
        db.session.rollback()
        campaign = find_campaign(campaign_id, fresh=True)
        came_back, ids = came_back_in(campaign_id, incident_id)
        found = count_second_try(campaign_id, came_back.picks, ids)
        return _retry_page(campaign, [], found, str(error), came_back), 409
    db.session.commit()
    _set_going(campaign_id)
    flash(_said(done), "success")
    return _to_ledger(campaign_id)


@bp.post("/<int:campaign_id>/ledger/retry")
@member(Role.EDITOR)
def ledger_tried(campaign_id: int) -> Any:
    """Try the chosen again."""
    find_campaign(campaign_id)
    picks = picks_of(campaign_id, request.form.getlist("pick"))
    try:
        done = try_again(campaign_id, picks, by=_whoever(), asked=request.form.get("asked", type=int))
    except Conflict as error:
        db.session.rollback()
        campaign = find_campaign(campaign_id, fresh=True)
        return _retry_page(campaign, picks, count_second_try(campaign_id, picks), str(error)), 409
    db.session.commit()
    _set_going(campaign_id)
    flash(_said(done), "success")
    return _to_ledger(campaign_id)


@bp.get("/<int:campaign_id>/ledger/uncertain")
@member(Role.VIEWER)
def ledger_uncertain(campaign_id: int) -> Any:
    """What is known of each message in doubt."""
    campaign = find_campaign(campaign_id)
    if campaign.considered is None:
        return _to_show(campaign_id)
    after = min(max(0, request.args.get("after", 0, int)), LARGEST)
    found = settle.doubts(campaign_id, after=after, limit=settle.PAGE + 1)
    return render_template(
        "campaigns/ledger/uncertain.html",
        campaign=campaign,
        doubts=found[: settle.PAGE],
        total=counts_of(campaign_id).count(State.UNCERTAIN),
        can_send=may_send(campaign),
        next_after=found[settle.PAGE - 1].id if len(found) > settle.PAGE else None,
    )


@bp.get("/<int:campaign_id>/ledger/uncertain/decide")
@member(Role.EDITOR)
def ledger_decide(campaign_id: int) -> Any:
    """Ask once more, with the exact number, before the uncertain are settled."""
    campaign = find_campaign(campaign_id)
    if campaign.considered is None:
        return _to_show(campaign_id)
    ids = _chosen(request.args)
    if ids == []:
        flash(_("Tick the people this is about, or choose all of them."), "error")
        return redirect(url_for("campaigns.ledger_uncertain", campaign_id=campaign_id))
    return _decide_page(campaign, request.args.get("as", SENT), ids)


@bp.post("/<int:campaign_id>/ledger/uncertain/decide")
@member(Role.EDITOR)
def ledger_settled(campaign_id: int) -> Any:
    """Settle the chosen as the operator decided."""
    find_campaign(campaign_id)
    ids, choice = _chosen(request.form), request.form.get("as", SENT)
    try:
        if choice == AGAIN:
            if not request.form.get("knowing"):
                raise Conflict(_("Tick that you know some may get it twice. Nothing was changed."))
            asked = request.form.get("asked", type=int)
            said = _said(settle.send_again(campaign_id, by=_whoever(), ids=ids, asked=asked))
        else:
            number = settle.take_as_sent(campaign_id, by=_whoever(), ids=ids)
            said = ngettext("%(num)s message counts as sent now.", "%(num)s messages count as sent now.", number)
    except Conflict as error:
        db.session.rollback()
        return _decide_page(find_campaign(campaign_id, fresh=True), choice, ids, str(error)), 409
    db.session.commit()
    _set_going(campaign_id)
    flash(said, "success")
    return _to_ledger(campaign_id)


@bp.get("/<int:campaign_id>/ledger/correct")
@member(Role.EDITOR)
def ledger_correct(campaign_id: int) -> Any:
    """Say what a corrected version does before one is drafted."""
    campaign = find_campaign(campaign_id)
    if not may_be_corrected(campaign):
        return _to_show(campaign_id)
    return render_template(
        "campaigns/ledger/correct.html",
        campaign=campaign,
        rest=count_rest(campaign_id),
        counts=counts_of(campaign_id),
    )


@bp.post("/<int:campaign_id>/ledger/correct")
@member(Role.EDITOR)
def ledger_corrected(campaign_id: int) -> Any:
    """Draft the corrected version, or open the one there is."""
    draft = make_corrected(campaign_id)
    db.session.commit()
    flash(_("This draft goes to those who got nothing yet. Until you send it, nothing changes."), "success")
    return redirect(url_for("campaigns.content", campaign_id=draft.id))


@bp.app_template_global("offers_of_incident")
def _offers(incident: Incident, concerned: Sequence[Concerned]) -> list[Offer]:
    return offers_of(incident, concerned)


def _tries(counts: Ledger, discarded: list[CameBack]) -> list[LedgerRow]:
    """The rows that are offered whole; not the one that only holds people who are offered by their incident."""
    rows = [row for row in counts.rows if may_try_again(row.state, row.reason)]
    apart = sum(one.count for one in discarded)
    return [row for row in rows if (row.state, row.reason, row.count) != (State.BOUNCED, DOUBTED, apart)]


def _retry_page(
    campaign: Campaign, picks: list[Pick], found: SecondTry, problem: str = "", came_back: CameBack | None = None
) -> str:
    return render_template(
        "campaigns/ledger/retry.html",
        campaign=campaign,
        picks=picks,
        came_back=came_back,
        found=found,
        can_send=may_send(campaign),
        problem=problem,
    )


def _decide_page(campaign: Campaign, choice: str, ids: list[int] | None, problem: str = "") -> str:
    found = settle.count_send_again(campaign.id, ids)
    return render_template(
        "campaigns/ledger/decide.html",
        campaign=campaign,
        again=choice == AGAIN,
        ids=ids,
        found=found,
        number=found.tried + found.left,
        can_send=may_send(campaign),
        problem=problem,
    )


def _chosen(values: Any) -> list[int] | None:
    """The ticked messages; None: all."""
    if values.get("everyone"):
        return None
    ids = [int(one) for one in values.getlist("message") if one.isascii() and one.isdecimal()]
    return [number for number in ids if number <= LARGEST]


def _said(done: SecondTry) -> str:
    said = ngettext("%(num)s person is tried again.", "%(num)s people are tried again.", done.tried)
    if done.left:
        said += " " + ngettext("%(num)s was left out.", "%(num)s were left out.", done.left)
    return str(said)


def _set_going(campaign_id: int) -> None:
    if find_campaign(campaign_id).state == CampaignState.SENDING:
        start_lanes(campaign_id)


def _whoever() -> str:
    return str(current_user.name or current_user.email)


def _to_ledger(campaign_id: int) -> Any:
    return redirect(url_for("campaigns.ledger", campaign_id=campaign_id))


def _to_show(campaign_id: int) -> Any:
    return redirect(url_for("campaigns.show", campaign_id=campaign_id))
