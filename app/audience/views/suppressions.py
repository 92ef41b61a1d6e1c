"""Pages of suppressions."""

import io
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.exports import suppressions_csv
from app.audience.forms import LiftForm, SuppressForm, SuppressionFileForm
from app.audience.masking import masked_evidence
from app.audience.models import Suppression
from app.audience.queries import PAGE, search_suppressions
from app.audience.suppression_lists import import_suppressions
from app.audience.suppressions import Reason, suppress
from app.audience.suppressions import lift as lift_suppression
from app.core.database import db
from app.core.errors import Invalid, NotFound

bp = Blueprint("suppressions", __name__, url_prefix="/w/<ws>/suppressions")


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """Active suppressions, by reason or by address."""
    return _page(SuppressForm(formdata=None))


@bp.post("")
@member(Role.EDITOR)
def add() -> Any:
    """Suppress an address."""
    form = SuppressForm()
    if form.validate_on_submit():
        try:
            made = suppress(form.email.data, Reason.MANUAL, evidence=form.evidence.data.strip())
        except Invalid as error:
            form.refuse(error)
        else:
            db.session.commit()
            flash(_("%(address)s gets no more mail.", address=made.hint), "success")
            return redirect(url_for("suppressions.index"))
    return _page(form), 422


@bp.get("/import")
@member(Role.EDITOR)
def import_form() -> Any:
    """The form for a list of addresses."""
    return render_template("audience/suppressions/import.html", form=SuppressionFileForm(formdata=None), taken=None)


@bp.post("/import")
@member(Role.EDITOR)
def take_list() -> Any:
    """Suppress every address of a list."""
    form = SuppressionFileForm()
    if not form.validate_on_submit():
        return render_template("audience/suppressions/import.html", form=form, taken=None), 422
    upload, pasted = request.files.get("file"), form.addresses.data or ""
    if not (upload and upload.filename) and not pasted.strip():
        form.refuse(Invalid(_("Choose a file or paste addresses."), field="addresses"))
        return render_template("audience/suppressions/import.html", form=form, taken=None), 422
    lines: Iterable[str] = io.StringIO(pasted)
    if upload and upload.filename:
        lines = io.TextIOWrapper(upload.stream, "utf-8-sig", errors="backslashreplace")
    taken = import_suppressions(lines, evidence=form.evidence.data.strip())
    db.session.commit()
    return render_template("audience/suppressions/import.html", form=SuppressionFileForm(formdata=None), taken=taken)


@bp.get("/<int:suppression_id>/lift")
@member(Role.OWNER)
def lift(suppression_id: int) -> Any:
    """Ask why."""
    found = _find(suppression_id)
    return render_template("audience/suppressions/lift.html", suppression=found, form=LiftForm(formdata=None))


@bp.post("/<int:suppression_id>/lift")
@member(Role.OWNER)
def lifted(suppression_id: int) -> Any:
    """Allow mail to an address again."""
    found = _find(suppression_id)
    form = LiftForm()
    if not form.validate_on_submit():
        return render_template("audience/suppressions/lift.html", suppression=found, form=form), 422
    lift_suppression(found.id, note=form.note.data)
    db.session.commit()
    words = _("%(address)s may be mailed again. Lists the person left stay left.", address=found.hint)
    flash(words, "success")
    return redirect(url_for("suppressions.index"))


@bp.get("/export")
@member(Role.EDITOR)
def export() -> Any:
    """Active suppressions as CSV, addresses masked."""
    headers = {"Content-Disposition": "attachment; filename=suppressions.csv"}
    body = stream_with_context(suppressions_csv(g.workspace.id))
    return Response(body, content_type="text/csv; charset=utf-8", headers=headers)


@bp.app_template_filter("evidence")
def _evidence(row: Any) -> str:
    """The words beside a masked address; `row` has `evidence`, `hint` and `address_hash`."""
    return masked_evidence(row.evidence, row.hint, row.address_hash, g.workspace.address_key)


def _page(form: SuppressForm) -> str:
    email, reason = request.args.get("q", "")[:300].replace("\x00", ""), request.args.get("reason", "")
    reason = reason if reason in list(Reason) else ""
    rows = search_suppressions(email=email, reason=reason, before=request.args.get("before", type=int))
    return render_template(
        "audience/suppressions/index.html",
        form=form,
        rows=rows,
        q=email,
        reason=reason,
        reasons=list(Reason),
        next_before=rows[-1][0].id if len(rows) == PAGE else None,
    )


def _find(suppression_id: int) -> Suppression:
    found = db.session.scalar(select(Suppression).where(Suppression.id == suppression_id))
    if found is None:
        raise NotFound("There is no such suppression in this workspace.")
    return found
