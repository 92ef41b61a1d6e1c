"""Pages of what others say: figures brought as files, and where mail was found."""

from datetime import timedelta
from typing import Any, cast

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from wtforms.fields import SelectChoice

from app.accounts.access import may, member
from app.accounts.models import Role
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.deliverability.outside.forms import FiguresForm, PlacementForm
from app.deliverability.outside.judged import figures_of, judge, standings
from app.deliverability.outside.placements import (
    PLACES,
    forget_placement,
    note_placement,
    placements,
    sent_campaigns,
    sightings,
    was_sent_to,
)
from app.deliverability.outside.reading import Reading, Source, read_file, source_of
from app.deliverability.outside.store import forget, keep, latest_figures
from app.deliverability.watch.room import bp

SHOWN = timedelta(days=120)
"""As far back as Postmaster Tools itself goes."""


@bp.get("/outside")
@member(Role.VIEWER)
def outside() -> Any:
    """The figures that were brought, by day."""
    return _figures_page(FiguresForm(formdata=None))


@bp.post("/outside")
@member(Role.EDITOR)
def bring() -> Any:
    """Take a file. Its good rows are kept; the others are shown with what is wrong."""
    form = FiguresForm()
    if not form.validate_on_submit():
        return _figures_page(form), 422
    data = form.file.data.read()
    try:
        source = cast(Source, form.source.data) if form.source.data else source_of(data)
        reading = read_file(data, source, subject=form.subject.data)
        count = keep(source, reading.figures)
    except Invalid as error:
        db.session.rollback()
        wrong = {"subject": form.subject, "source": form.source}.get(error.field or "", form.file)
        wrong.errors = [str(error)]
        return _figures_page(form), 422
    db.session.commit()
    if reading.faults or reading.unknown:
        return _figures_page(FiguresForm(formdata=None), reading=reading, count=count), 200 if count else 422
    flash(ngettext("Kept: one day.", "Kept: %(num)s days.", count), "success")
    return redirect(url_for("deliverability.outside"))


@bp.post("/outside/forget")
@member(Role.EDITOR)
def forget_figures() -> Any:
    """Drop everything of one domain or machine."""
    if not forget(request.form.get("source", ""), request.form.get("subject", "").replace("\0", "")):
        raise Conflict(_("There are no such figures any more. Nothing was changed."))
    db.session.commit()
    flash(_("The figures are gone."), "success")
    return redirect(url_for("deliverability.outside"))


@bp.get("/placements")
@member(Role.VIEWER)
def seeds() -> Any:
    """Where mail was found in mailboxes of one's own."""
    return _placements_page(_placement_form(formdata=None, campaign=request.args.get("campaign", type=int)))


@bp.post("/placements")
@member(Role.EDITOR)
def note() -> Any:
    """Note one mailbox."""
    form = _placement_form()
    if not form.validate_on_submit():
        return _placements_page(form), 422
    try:
        placement = note_placement(form.campaign.data, form.address.data, form.placed.data, noted_by=current_user.id)
    except Invalid as error:
        db.session.rollback()
        form.address.errors = [str(error)]
        return _placements_page(form), 422
    db.session.commit()
    if was_sent_to(placement):
        flash(_("Noted."), "success")
    else:
        words = _("Noted, but this campaign sent nothing to %(address)s. Correct the address, or take the note back.")
        flash(words % {"address": placement.address}, "warning")
    return redirect(url_for("deliverability.seeds", campaign=form.campaign.data))


@bp.post("/placements/<int:placement_id>/forget")
@member(Role.EDITOR)
def unnote(placement_id: int) -> Any:
    """Take a note back."""
    forget_placement(placement_id)
    db.session.commit()
    flash(_("Taken back."), "success")
    return redirect(url_for("deliverability.seeds"))


bp.add_app_template_global(judge, "judge_figure")
bp.add_app_template_global(figures_of, "figures_of")


def _figures_page(form: FiguresForm, *, reading: Reading | None = None, count: int = 0) -> str:
    rows = latest_figures((clock.now() - SHOWN).date())
    return render_template(
        "deliverability/outside.html",
        form=form,
        reading=reading,
        count=count,
        standings=standings(rows),
        may_edit=may(Role.EDITOR),
    )


def _placement_form(**given: Any) -> PlacementForm:
    form = PlacementForm(**given)
    form.campaign.choices = [SelectChoice(*one) for one in sent_campaigns()]
    return form


def _placements_page(form: PlacementForm) -> str:
    notes = placements()
    names = dict(sent_campaigns(limit=1000))
    return render_template(
        "deliverability/placements.html",
        form=form,
        notes=notes,
        names=names,
        sightings=sightings(notes, names),
        places=PLACES,
        may_edit=may(Role.EDITOR),
    )
