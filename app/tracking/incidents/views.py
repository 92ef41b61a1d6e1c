"""Deliverability, Incidents: what happened, what was done by itself, and what an owner decides."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Conflict
from app.tracking.incidents import decisions
from app.tracking.incidents.again import tried_again
from app.tracking.incidents.queries import (
    campaigns_of,
    count_asking,
    find_shown,
    held_of,
    incident_of,
    incidents_by_need,
    kept_of,
    retry_reason,
)

bp = Blueprint("incidents", __name__, url_prefix="/w/<ws>/incidents")


@bp.get("")
@member(Role.EDITOR)
def index() -> Any:
    """The latest incidents, those that need somebody first."""
    shown = incidents_by_need()
    return render_template(
        "tracking/incidents/index.html",
        first=[one for one in shown if one.needs_attention and not one.is_small],
        small=[one for one in shown if one.needs_attention and one.is_small],
        rest=[one for one in shown if not one.needs_attention],
    )


@bp.get("/<int:incident_id>")
@member(Role.EDITOR)
def show(incident_id: int) -> Any:
    """One incident with its numbers, whom it concerns, and the decision."""
    return _page(incident_id)


@bp.post("/<int:incident_id>/believe")
@member(Role.OWNER)
def believe(incident_id: int) -> Any:
    """The addresses are dead indeed."""
    try:
        decisions.believe(incident_id, current_user.id)
    except Conflict as error:
        return _refused(incident_id, error)
    number = find_shown(incident_id).written
    said = ngettext(
        "Believed: %(count)s address is suppressed.",
        "Believed: %(count)s addresses are suppressed.",
        number,
        count=format_decimal(number),
    )
    return _decided(incident_id, said)


@bp.post("/<int:incident_id>/discard")
@member(Role.OWNER)
def discard(incident_id: int) -> Any:
    """It was a fault, and nobody is lost."""
    try:
        decisions.discard(incident_id, current_user.id)
    except Conflict as error:
        return _refused(incident_id, error)
    return _decided(incident_id, _("Discarded: everybody stays, as if these failures had not come."))


@bp.post("/<int:incident_id>/undo")
@member(Role.OWNER)
def undo(incident_id: int) -> Any:
    """Take back what was believed."""
    try:
        number = decisions.undo(incident_id, current_user.id)
    except Conflict as error:
        return _refused(incident_id, error)
    said = ngettext(
        "Undone: %(count)s suppression is lifted.",
        "Undone: %(count)s suppressions are lifted.",
        number,
        count=format_decimal(number),
    )
    return _decided(incident_id, said)


@bp.app_template_global("incident_of")
def _incident_of(message_id: int | None, suppression_id: int) -> int | None:
    return incident_of(message_id, suppression_id)


@bp.app_template_global("incidents_asking")
def _incidents_asking() -> int:
    return count_asking()


def _decided(incident_id: int, said: str) -> Any:
    db.session.commit()
    flash(said, "success")
    return redirect(url_for("incidents.show", incident_id=incident_id))


def _refused(incident_id: int, error: Conflict) -> Any:
    db.session.rollback()
    return _page(incident_id, str(error)), 409


def _page(incident_id: int, error: str = "") -> str:
    shown = find_shown(incident_id)
    return render_template(
        "tracking/incidents/show.html",
        shown=shown,
        held=held_of(incident_id),
        campaigns=campaigns_of(shown.incident),
        retry_reason=retry_reason(shown.incident),
        again=tried_again(shown.incident),
        kept=kept_of(shown.incident) if shown.is_open else None,
        error=error,
    )
