"""Deliverability, Incidents: what happened, what was done by itself, and what an owner decides."""

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Conflict, Unavailable
from app.tracking.incidents import decisions
from app.tracking.incidents.again import tried_again
from app.tracking.incidents.carrying_out import progress_of, start_carrying_out
from app.tracking.incidents.queries import (
    PAGE,
    campaigns_of,
    count_asking,
    decisions_about,
    failed_in,
    find_shown,
    held_of,
    incident_of,
    incidents_by_need,
    kept_of,
)
from app.tracking.incidents.whom import whom_csv

bp = Blueprint("incidents", __name__, url_prefix="/w/<ws>/incidents")
LAST = 2**63 - 1


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
    if request.headers.get("HX-Request"):
        return _part(incident_id)
    return _page(incident_id)


@bp.get("/<int:incident_id>/people")
@member(Role.EDITOR)
def people(incident_id: int) -> Any:
    """Everybody it concerns, page by page."""
    after = min(max(0, request.args.get("after", 0, int)), LAST)
    held = held_of(incident_id, after=after, limit=PAGE + 1)
    return render_template(
        "tracking/incidents/people.html",
        shown=find_shown(incident_id),
        held=held[:PAGE],
        next_after=held[PAGE - 1].suppression.id if len(held) > PAGE else None,
    )


@bp.get("/<int:incident_id>/people.csv")
@member(Role.EDITOR)
def people_csv(incident_id: int) -> Response:
    """The same as a file."""
    incident = find_shown(incident_id).incident
    headers = {"Content-Disposition": f'attachment; filename="incident-{incident.id}-people.csv"'}
    lines = whom_csv(incident.id, incident.workspace_id)
    return Response(stream_with_context(lines), content_type="text/csv; charset=utf-8", headers=headers)


@bp.post("/<int:incident_id>/believe")
@member(Role.OWNER)
def believe(incident_id: int) -> Any:
    """The addresses are dead indeed."""
    return _decide(incident_id, decisions.believe, _believed)


@bp.post("/<int:incident_id>/discard")
@member(Role.OWNER)
def discard(incident_id: int) -> Any:
    """It was a fault, and nobody is lost."""
    return _decide(incident_id, decisions.discard, _discarded)


@bp.post("/<int:incident_id>/undo")
@member(Role.OWNER)
def undo(incident_id: int) -> Any:
    """Take back what was believed."""
    return _decide(incident_id, decisions.undo, _undone)


@bp.app_template_global("incident_of")
def _incident_of(message_id: int | None, suppression_id: int) -> int | None:
    return incident_of(message_id, suppression_id)


@bp.app_template_global("incidents_asking")
def _incidents_asking() -> int:
    return count_asking()


@bp.app_template_global("decisions_about")
def _decisions_about(message_ids: Collection[int]) -> dict[int, str]:
    return decisions_about(message_ids)


def _decide(incident_id: int, verb: Callable[[int, int | None], int], say: Callable[[int, int], str]) -> Any:
    try:
        number = verb(incident_id, current_user.id)
    except Conflict as error:
        return _refused(incident_id, error)
    shown = find_shown(incident_id)
    said = say(number, shown.written)
    if shown.is_under_way:
        said = _("Decided. What is not done yet is carried out in the background; this page tells how far it is.")
    db.session.commit()
    if shown.is_under_way:
        # Should the queue be down: the decision stands, and the look once a minute queues it.
        with suppress(Unavailable):
            start_carrying_out()
    flash(said, "success")
    return redirect(url_for("incidents.show", incident_id=incident_id))


def _believed(_number: int, written: int) -> str:
    said: str = ngettext(
        "Believed: %(count)s address is suppressed.",
        "Believed: %(count)s addresses are suppressed.",
        written,
        count=format_decimal(written),
    )
    return said


def _discarded(_number: int, _written: int) -> str:
    said: str = _("Discarded: everybody stays, as if these failures had not come.")
    return said


def _undone(number: int, _written: int) -> str:
    said: str = ngettext(
        "Undone: %(count)s suppression is lifted.",
        "Undone: %(count)s suppressions are lifted.",
        number,
        count=format_decimal(number),
    )
    return said


def _refused(incident_id: int, error: Conflict) -> Any:
    db.session.rollback()
    return _page(incident_id, str(error)), 409


def _part(incident_id: int) -> Any:
    shown = find_shown(incident_id)
    progress = progress_of(shown.incident)
    page = make_response(render_template("tracking/incidents/_progress.html", shown=shown, progress=progress))
    if progress is None:
        page.headers["HX-Refresh"] = "true"  # the end changes what stands around it, too
    return page


def _page(incident_id: int, error: str = "") -> str:
    shown = find_shown(incident_id)
    progress = progress_of(shown.incident)
    return render_template(
        "tracking/incidents/show.html",
        shown=shown,
        held=held_of(incident_id),
        progress=progress,
        # What can be tried again is told once all is done: it would be counted for nothing until then.
        campaigns=[] if progress else campaigns_of(shown.incident),
        failed_in=failed_in(shown.incident),
        again=None if progress else tried_again(shown.incident),
        kept=kept_of(shown.incident) if shown.is_open else None,
        error=error,
    )
