"""Review, test mails, and the two steps that send: look at the numbers, then say yes."""

from datetime import datetime
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.campaigns import launch as launching
from app.campaigns.audience import count_audience, variants_of
from app.campaigns.edit import find_variant
from app.campaigns.forms import TestForm
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.queries import list_names
from app.campaigns.reader import find_reader, possible_readers
from app.campaigns.review import review as look_over
from app.campaigns.review import sender_of
from app.campaigns.testsend import send_test, split_addresses
from app.campaigns.views.blueprint import bp, compose_page, user_id
from app.campaigns.zone import read_local, write_local
from app.core.database import db
from app.core.errors import Conflict, Invalid, MerpatiError
from app.core.extensions import settings as installation
from app.sending.transports import caught_at

MARGIN = 1.1
"""An audience that grew by more than this between the question and the answer is asked about again."""


@bp.get("/<int:campaign_id>/review")
@member(Role.VIEWER)
def review(campaign_id: int) -> Any:
    """The checklist, the test mail, and the ways to send."""
    return _review_page(find_campaign(campaign_id), _test_form())


@bp.post("/<int:campaign_id>/test")
@member(Role.EDITOR)
def send_test_mail(campaign_id: int) -> Any:
    """Send a test to one or several addresses, right now."""
    campaign, form = find_campaign(campaign_id), TestForm()
    if not form.validate_on_submit():
        return _review_page(campaign, form, 422)
    try:
        addresses = split_addresses(form.to.data)
        person = find_reader(form.person.data)
        variant = find_variant(campaign, form.variant.data or 1)
        for address in addresses:
            answer = send_test(campaign, variant, address, person)
            flash(
                _("The test is on its way to %(to)s. The server said: %(reply)s", to=address, reply=answer), "success"
            )
    except MerpatiError as error:
        form.to.errors = [str(error)]
        return _review_page(campaign, form, 422 if isinstance(error, Invalid) else 503)
    return redirect(url_for("campaigns.review", campaign_id=campaign_id))


@bp.get("/<int:campaign_id>/confirm")
@member(Role.EDITOR)
def confirm(campaign_id: int) -> Any:
    """Say in one sentence what is about to happen, and ask."""
    campaign = find_campaign(campaign_id)
    if campaign.state not in (CampaignState.DRAFT, CampaignState.SCHEDULED):
        return redirect(url_for("campaigns.show", campaign_id=campaign_id))
    try:
        at = _chosen_time(request.args)
    except Invalid as error:
        return _review_page(campaign, _test_form(), 422, time_problem=str(error))
    return _confirm_page(campaign, at)


@bp.post("/<int:campaign_id>/launch")
@member(Role.EDITOR)
def launch(campaign_id: int) -> Any:
    """Send it, or plan it. The second press of the button finds it on its way and changes nothing."""
    campaign = find_campaign(campaign_id)
    at = _chosen_time(request.form)
    if campaign.state in (CampaignState.DRAFT, CampaignState.SCHEDULED):
        count = count_audience(campaign).planned
        if problem := _unsure(count):
            return _confirm_page(campaign, at, 422, problem=problem)
    try:
        started = launching.launch(campaign_id, by=user_id(), at=at, version=request.form.get("version", type=int))
    except (Invalid, Conflict) as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for("campaigns.review", campaign_id=campaign_id))
    db.session.commit()
    if started.campaign.state == CampaignState.LAUNCHING:
        launching.prepare([campaign_id])
    return redirect(url_for("campaigns.show", campaign_id=campaign_id))


@bp.post("/<int:campaign_id>/unschedule")
@member(Role.EDITOR)
def unschedule(campaign_id: int) -> Any:
    """Make it a draft again."""
    launching.unschedule(campaign_id)
    db.session.commit()
    flash(_("It is a draft again. Nothing was sent."), "success")
    return redirect(url_for("campaigns.review", campaign_id=campaign_id))


def _review_page(campaign: Campaign, form: TestForm, status: int = 200, *, time_problem: str = "") -> Any:
    return compose_page(
        "campaigns/review.html",
        campaign,
        status,
        form=form,
        outcome=look_over(campaign),
        readers=possible_readers(campaign),
        time_problem=time_problem,
        at=request.args.get("at", ""),
        caught_at=caught_at(installation()),
    )


def _test_form() -> TestForm:
    return TestForm(formdata=None, to=current_user.email)


def _chosen_time(values: Any) -> datetime | None:
    text = values.get("at", "").strip()
    if not text and values.get("when") == "later":
        raise Invalid(_("Choose a date and a time."), field="at")
    return read_local(text, g.workspace) if text else None


def _confirm_page(campaign: Campaign, at: datetime | None, status: int = 200, *, problem: str = "") -> Any:
    names, count = list_names(), count_audience(campaign)
    page = render_template(
        "campaigns/confirm.html",
        campaign=campaign,
        count=count,
        at=at,
        at_text=write_local(at, g.workspace) if at else "",
        sender=sender_of(campaign, g.workspace),
        variants=variants_of(campaign),
        lists=[names[number] for number in campaign.audience.get("lists", []) if number in names],
        asks_count=count.planned > g.workspace.confirm_above,
        problem=problem,
    )
    return page, status


def _unsure(count: int) -> str:
    """Why the answer does not fit the question; empty when it does."""
    asked = request.form.get("count", 0, type=int)
    if count > asked * MARGIN + 10:
        grown = _(
            "The audience has grown from %(asked)s to %(now)s people since you were asked. Nothing was sent: confirm "
            "again.",
            now=f"{count:,}",
            asked=f"{asked:,}",
        )
        return str(grown)
    typed = "".join(sign for sign in request.form.get("typed_count", "") if sign.isdigit())
    if count > g.workspace.confirm_above and typed != str(asked):
        return str(_("Type the number of people to confirm. Nothing was sent."))
    return ""
