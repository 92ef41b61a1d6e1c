"""Settings, Warm-up: identities that are new to the mailbox providers."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.sending.models import Transport
from app.sending.warmup.forms import WarmUpForm
from app.sending.warmup.plans import begin, end, standings, switch

bp = Blueprint("warm_ups", __name__, url_prefix="/w/<ws>/settings/warm-up")


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """Every warm-up with its latest days."""
    return _page(_form(formdata=None, domain=g.workspace.from_email.rpartition("@")[2]))


@bp.post("")
@member(Role.OWNER)
def start() -> Any:
    """Begin one."""
    form = _form()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        begin(
            form.transport.data,
            form.domain.data,
            first=form.first.data,
            full=form.full.data,
            growth=form.growth.data,
        )
    except (Invalid, Conflict) as error:
        db.session.rollback()
        field = form["full"] if getattr(error, "field", None) == "full" else form.domain
        field.errors = [str(error)]
        return _page(form), 422
    db.session.commit()
    flash(_("It warms up from the next message on."), "success")
    return redirect(url_for("warm_ups.index"))


@bp.post("/<int:warm_up_id>/pause")
@member(Role.OWNER)
def pause(warm_up_id: int) -> Any:
    """Lift the allowance for now."""
    switch(warm_up_id, paused=True)
    db.session.commit()
    flash(_("Paused: mail goes out without the allowance until you resume."), "success")
    return redirect(url_for("warm_ups.index"))


@bp.post("/<int:warm_up_id>/resume")
@member(Role.OWNER)
def resume(warm_up_id: int) -> Any:
    """Put the allowance back."""
    switch(warm_up_id, paused=False)
    db.session.commit()
    flash(_("The allowance holds again."), "success")
    return redirect(url_for("warm_ups.index"))


@bp.post("/<int:warm_up_id>/end")
@member(Role.OWNER)
def finish(warm_up_id: int) -> Any:
    """Forget it."""
    end(warm_up_id)
    db.session.commit()
    flash(_("Ended. Mail goes out without an allowance."), "success")
    return redirect(url_for("warm_ups.index"))


def _form(**values: Any) -> WarmUpForm:
    form = WarmUpForm(**values)
    query = select(Transport.id, Transport.name).order_by(Transport.tier, Transport.id)
    form.transport.choices = [(number, name) for number, name in db.session.execute(query)]
    return form


def _page(form: WarmUpForm) -> str:
    return render_template("sending/warmup/index.html", form=form, standings=standings())
