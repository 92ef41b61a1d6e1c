"""Settings, Domains: keys and records of each domain of a sender, and what receivers report."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Busy, Conflict, Invalid
from app.core.extensions import keyring, settings
from app.core.outside import waiting_outside
from app.deliverability.dmarc.intake import take_in_waiting
from app.deliverability.dmarc.views import bp as dmarc
from app.deliverability.domains.check import check_records
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.forms import ActiveKeyForm, DomainForm, SwitchForm
from app.deliverability.domains.free_mail import is_of_free_mail, why_not_free_mail
from app.deliverability.domains.look import LOOK
from app.deliverability.domains.page import show_records, show_shared
from app.sending.domains.check import Look, check_domain
from app.sending.domains.names import read_domain
from app.sending.domains.page import show
from app.sending.domains.rotation import rotate, sign_anyway
from app.sending.domains.setup import add_domain, all_domains, remove_domain, set_ed25519, set_signing

bp = Blueprint("domains", __name__, url_prefix="/w/<ws>/settings/domains")
bp.register_blueprint(dmarc)


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """Each domain with its records."""
    return _page(DomainForm(formdata=None, domain=_offered()))


@bp.post("")
@member(Role.OWNER)
def add() -> Any:
    """Add a domain and make its keys."""
    form = DomainForm()
    if form.validate_on_submit():
        try:
            domain = add_domain(keyring(), _of_their_own(form.domain.data))
        except Invalid as error:
            db.session.rollback()
            form.domain.errors = [str(error)]
        else:
            db.session.commit()
            flash(_("Added. Publish its two records, then check."), "success")
            return _back(domain.id)
    return _page(form), 422


@bp.post("/<int:domain_id>/check")
@member(Role.OWNER)
def check(domain_id: int) -> Any:
    """Look into DNS now."""
    try:
        with waiting_outside(LOOK) as until:
            look = check_domain(domain_id, until)
            db.session.commit()
            found = {} if look.trouble else check_records(domain_id, until)
            db.session.commit()
    except Busy as error:
        return _later(domain_id, error)
    taken = _taken_in(domain_id) if "published" in look.records.values() else 0
    db.session.commit()
    flash(*_words(look, found))
    if taken:
        flash(
            ngettext(
                "One DMARC report that had come before was taken in.",
                "%(num)s DMARC reports that had come before were taken in.",
                taken,
            ),
            "success",
        )
    return _back(domain_id)


@bp.post("/<int:domain_id>/rotate")
@member(Role.OWNER)
def turn(domain_id: int) -> Any:
    """Sign with the next key, after a look whether its record is there."""
    try:
        with waiting_outside(LOOK) as until:
            check_domain(domain_id, until)
            db.session.commit()
    except Busy as error:
        return _later(domain_id, error)
    words = _("Rotated. Publish the record of the new next key, and keep the old one for 7 days.")
    return _done(domain_id, lambda: rotate(keyring(), domain_id, ActiveKeyForm().active.data or 0), words, "success")


@bp.post("/<int:domain_id>/sign-anyway")
@member(Role.OWNER)
def begin(domain_id: int) -> Any:
    """Sign although DNS did not show the record."""
    words = _("Mail is signed from now on. Receivers can verify it as soon as the record is in DNS.")
    return _done(domain_id, lambda: sign_anyway(domain_id), words, "warning")


@bp.post("/<int:domain_id>/signing")
@member(Role.OWNER)
def switch(domain_id: int) -> Any:
    """Sign here, or leave it to the relay."""
    domain = set_signing(domain_id, on=SwitchForm().on.data)
    db.session.commit()
    words = _("Mail is signed here.") if domain.is_signing else _("Mail is not signed here any more; the keys stay.")
    flash(words, "success")
    return _back(domain_id)


@bp.post("/<int:domain_id>/ed25519")
@member(Role.OWNER)
def second(domain_id: int) -> Any:
    """Add a signature with Ed25519, or leave it out."""
    try:
        domain = set_ed25519(keyring(), domain_id, on=SwitchForm().on.data)
    except Conflict as error:
        db.session.rollback()
        flash(str(error), "error")
        return _back(domain_id)
    db.session.commit()
    flash(
        _("Publish the two records of Ed25519 as well, then check; it signs once its record is found.")
        if domain.with_ed25519
        else _("Mail is signed with RSA alone."),
        "success",
    )
    return _back(domain_id)


@bp.post("/<int:domain_id>/remove")
@member(Role.OWNER)
def remove(domain_id: int) -> Any:
    """Forget a domain and its keys."""
    name = remove_domain(domain_id)
    db.session.commit()
    flash(
        _("Removed. Leave the records of %(domain)s in DNS for 7 days: mail is still under way.", domain=name),
        "success",
    )
    return redirect(url_for("domains.index"))


def _page(form: DomainForm) -> str:
    domains = all_domains()
    return render_template(
        "sending/domains/index.html",
        form=form,
        domains=[show(each) for each in domains],
        records={each.id: show_records(each) for each in domains},
        shared=show_shared(domains),
        opened=request.args.get("open", type=int),
        raw_mail_days=settings().raw_mail_days,
    )


def _done(domain_id: int, act: Callable[[], object], words: str, how: str) -> Any:
    """Act, and say so; or say why it could not be done."""
    try:
        act()
    except Conflict as error:
        db.session.rollback()
        words, how = str(error), "error"
    db.session.commit()
    flash(words, how)
    return _back(domain_id)


def _later(domain_id: int, error: Busy) -> Any:
    flash(str(error), "warning")
    return _back(domain_id)


def _back(domain_id: int) -> Any:
    return redirect(url_for("domains.index", open=domain_id, _anchor=f"domain-{domain_id}"))


def _taken_in(domain_id: int) -> int:
    return take_in_waiting(next((each.domain for each in all_domains() if each.id == domain_id), ""))


def _of_their_own(typed: str) -> str:
    """What was typed, unless it is a mailbox provider's domain. Raises Invalid."""
    domain = read_domain(typed)
    if is_of_free_mail(domain):
        raise Invalid(f"Nothing was added: {why_not_free_mail(domain)}", field="domain")
    return typed


def _offered() -> str:
    """The domain of the workspace's sender, unless it is here already or a mailbox provider's."""
    try:
        domain = read_domain(g.workspace.from_email)
    except Invalid:
        return ""
    return "" if is_of_free_mail(domain) or any(each.domain == domain for each in all_domains()) else domain


def _words(look: Look, found: dict[str, Finding]) -> tuple[str, str]:
    if look.trouble:
        return _("%(trouble)s Everything stays as it was; check again later.", trouble=look.trouble), "warning"
    if any(finding != "published" for finding in look.records.values()):
        return _("Looked: some records are not as they should be, see below."), "warning"
    if any(finding.is_bad for finding in found.values()):
        return _("Looked: for signing, every record is as it should be; others need a look, see below."), "warning"
    if any(finding.trouble for finding in found.values()):
        return _("Looked, but not everything was answered in time: see below, and check again later."), "warning"
    return _("Looked: every record is as it should be."), "success"
