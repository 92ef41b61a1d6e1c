"""Review, test mails, and the two steps that send: look at the numbers, then say yes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.accounts.quiet import quiet_hours
from app.campaigns import launch as launching
from app.campaigns.audience import count_audience, people_by_zone, variants_of
from app.campaigns.edit import find_variant
from app.campaigns.forms import TestForm
from app.campaigns.layout import last_planned, layout_of
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.campaigns.queries import list_names
from app.campaigns.reader import find_reader, possible_readers
from app.campaigns.review import review as look_over
from app.campaigns.review import sender_of, ways_of
from app.campaigns.testsend import send_test, split_addresses, what_speaks_against
from app.campaigns.timing import Timing, has_passed, read_timing
from app.campaigns.views.blueprint import bp, compose_page, corrected_by, user_id
from app.campaigns.zone import plan_words, read_local, read_wall, span_words, write_local
from app.core import clock
from app.core.database import db
from app.core.errors import Busy, Conflict, Invalid, MerpatiError
from app.core.extensions import settings as installation
from app.core.outside import waiting_outside
from app.core.wallclock import zone_names
from app.sending.simple import WAIT
from app.sending.transports import caught_at

SPREADS = (5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 7200, 10080)
"""Minutes a send can be spread over."""
MARGIN = 1.1
"""An audience that grew by more than this between the question and the answer is asked about again."""


@bp.app_template_filter("plan_words")
def _plan_words(campaign: Campaign) -> str:
    """How the send is laid out in time, in words; nothing for one that goes all at once."""
    timing = read_timing(campaign.timing)
    if timing.is_plain:
        return ""
    return plan_words(timing, last_planned(campaign.id) if campaign.launched_at else None, g.workspace)


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
        with waiting_outside(WAIT) as until:
            for address in addresses:
                answer = send_test(campaign, variant, address, person, until=until)
                words = _("The test is on its way to %(to)s. The server said: %(reply)s", to=address, reply=answer)
                flash(words, "success")
        for words in what_speaks_against(campaign):
            flash(_("The test went out, but the campaign would not start. %(why)s", why=words), "warning")
    except MerpatiError as error:
        form.to.errors = [str(error)]
        status = next((code for kind, code in ((Busy, 429), (Invalid, 422)) if isinstance(error, kind)), 503)
        return _review_page(campaign, form, status)
    return redirect(url_for("campaigns.review", campaign_id=campaign_id))


@bp.get("/<int:campaign_id>/confirm")
@member(Role.EDITOR)
def confirm(campaign_id: int) -> Any:
    """Say in one sentence what is about to happen, and ask."""
    campaign = find_campaign(campaign_id)
    if campaign.state not in (CampaignState.DRAFT, CampaignState.SCHEDULED):
        return redirect(url_for("campaigns.show", campaign_id=campaign_id))
    try:
        plan = _chosen_plan(request.args)
        launching.check_ahead(launching.launch_time(plan.timing, plan.at))
    except Invalid as error:
        return _review_page(campaign, _test_form(), 422, problem=error)
    return _confirm_page(campaign, plan)


@bp.post("/<int:campaign_id>/launch")
@member(Role.EDITOR)
def launch(campaign_id: int) -> Any:
    """Send it, or plan it. The second press of the button finds it on its way and changes nothing."""
    campaign = find_campaign(campaign_id)
    plan = _chosen_plan(request.form)
    if campaign.state in (CampaignState.DRAFT, CampaignState.SCHEDULED):
        count = count_audience(campaign, layout_of(campaign, plan.timing, base=plan.at)).planned
        if problem := _unsure(count):
            return _confirm_page(campaign, plan, 422, problem=problem)
    version = request.form.get("version", type=int)
    try:
        started = launching.launch(campaign_id, by=user_id(), at=plan.at, version=version, timing=plan.timing)
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


def _review_page(campaign: Campaign, form: TestForm, status: int = 200, *, problem: Invalid | None = None) -> Any:
    return compose_page(
        "campaigns/review.html",
        campaign,
        status,
        form=form,
        outcome=look_over(campaign),
        readers=possible_readers(campaign),
        problem=problem,
        chosen=request.args or _earlier_plan(campaign),
        spreads=[(0, _("All at once")), *((n, _("Evenly over %(span)s", span=span_words(n))) for n in SPREADS)],
        quiet=quiet_hours(g.workspace),
        caught_at=caught_at(installation()),
    )


def _earlier_plan(campaign: Campaign) -> dict[str, Any]:
    """What was chosen before it became a draft again, or for the campaign that it corrects."""
    timing = read_timing(campaign.timing)
    if timing.local_at is None:
        return {"when": "now", "spread": timing.spread} if timing.spread else {}
    return _plan_fields(_Plan(None, timing))


def _test_form() -> TestForm:
    return TestForm(formdata=None, to=current_user.email)


@dataclass(frozen=True, slots=True)
class _Plan:
    """When somebody wants it sent: at a moment (None: now), laid out so."""

    at: datetime | None
    timing: Timing


def _chosen_plan(values: Any) -> _Plan:
    """What the form of the review says, and the confirmation repeats. Raises Invalid."""
    when, text = values.get("when", ""), values.get("at", "").strip()
    if not text and when in ("later", "own-zone"):
        raise Invalid(_("Choose a date and a time."), field="at")
    if text and when == "now":
        raise Invalid(
            _("“Now” is chosen, and a time is given: choose which of them begins it, or clear it."), field="at"
        )
    spread = values.get("spread", 0, type=int)
    if when == "own-zone":
        return _Plan(None, Timing(read_wall(text), values.get("passed", "next-day"), spread))
    return _Plan(read_local(text, g.workspace) if text and when != "now" else None, Timing(spread=spread))


def _confirm_page(campaign: Campaign, plan: _Plan, status: int = 200, *, problem: str = "") -> Any:
    names, timing = list_names(), plan.timing
    begins = launching.launch_time(timing, plan.at)
    layout = layout_of(campaign, timing, base=plan.at)
    count = count_audience(campaign, layout)
    zones = people_by_zone(campaign, layout) if timing.local_at else {"": count.planned}
    page = render_template(
        "campaigns/confirm.html",
        campaign=campaign,
        count=count,
        at=begins,
        fields=_plan_fields(plan),
        timing=timing,
        plan=plan_words(timing, layout.until(zones), g.workspace),
        zoneless=sum(people for zone, people in zones.items() if zone not in zone_names()),
        passed=0 if begins else _passed(timing, zones),
        quiet=quiet_hours(g.workspace) if campaign.stream != "transactional" else None,
        sender=sender_of(campaign, g.workspace),
        ways=ways_of(campaign),
        caught_at=caught_at(installation()),
        corrected=corrected_by(campaign),
        variants=variants_of(campaign),
        lists=[names[number] for number in campaign.audience.get("lists", []) if number in names],
        asks_count=count.planned > g.workspace.confirm_above,
        problem=problem,
    )
    return page, status


def _plan_fields(plan: _Plan) -> dict[str, Any]:
    """The plan as the fields of a form, for the confirmation to send along."""
    if (wall := plan.timing.local_at) is not None:
        when = {"when": "own-zone", "at": wall.isoformat(timespec="minutes"), "passed": plan.timing.passed}
    else:
        when = {"at": write_local(plan.at, g.workspace) if plan.at else ""}
    return {**when, "spread": plan.timing.spread}


def _passed(timing: Timing, zones: dict[str, int]) -> int:
    """How many people live in a zone where the time has passed."""
    now, own = clock.now(), g.workspace.timezone
    known = zone_names()
    return sum(people for zone, people in zones.items() if has_passed(timing, zone if zone in known else own, now))


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
