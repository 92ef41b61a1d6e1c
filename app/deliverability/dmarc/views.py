"""Settings, Domains, DMARC reports: what receivers counted, and reports brought as files."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import delete, select

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Invalid, NotFound
from app.deliverability.dmarc.forms import ReportForm
from app.deliverability.dmarc.intake import take_in_file
from app.deliverability.dmarc.sources import reported
from app.deliverability.dmarc.unpack import MOST_PACKED
from app.deliverability.models import DmarcReport
from app.sending.domains.names import readable

bp = Blueprint("dmarc", __name__, url_prefix="/reports")

SPANS = (7, 30, 90)
"""Days."""


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """Each domain with its sources."""
    return _page(ReportForm(formdata=None))


@bp.post("")
@member(Role.OWNER)
def upload() -> Any:
    """Take in a report from a file."""
    form = ReportForm()
    if form.validate_on_submit():
        try:
            report, is_new = take_in_file(form.file.data.stream.read(MOST_PACKED + 1))
        except Invalid as error:
            db.session.rollback()
            form.file.errors = [str(error)]
        else:
            db.session.commit()
            words = _("Taken in: %(name)s on %(domain)s.") if is_new else _("%(name)s on %(domain)s was here already.")
            flash(words % {"name": report.organisation, "domain": report.domain}, "success")
            return redirect(url_for("domains.dmarc.index"))
    return _page(form), 422


@bp.post("/forget")
@member(Role.OWNER)
def forget() -> Any:
    """Remove one report that nobody believes; its rows go with it."""
    number = request.form.get("report", type=int)
    report = db.session.scalar(select(DmarcReport).where(DmarcReport.id == number)) if number else None
    if report is None:
        raise NotFound(_("This report is not here any more. Nothing was changed."))
    db.session.execute(delete(DmarcReport).where(DmarcReport.id == report.id))
    db.session.commit()
    flash(_("Removed. It is not counted any more."), "success")
    return redirect(url_for("domains.dmarc.index"))


def _page(form: ReportForm) -> str:
    asked = request.args.get("days", type=int)
    days = asked if asked in SPANS else 30
    return render_template(
        "deliverability/dmarc/index.html",
        form=form,
        days=days,
        spans=SPANS,
        domains=reported(days),
        readable=readable,
    )
