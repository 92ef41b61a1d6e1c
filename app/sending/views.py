"""Settings, Sending: the transports of a workspace, and trials that show the server's own words."""

from datetime import timedelta
from html import escape
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role, Workspace
from app.core import clock
from app.core.database import db
from app.core.errors import Busy, Conflict, Invalid, NotFound, SettingsError, TemporaryFailure
from app.core.extensions import keyring, settings
from app.core.logging import log
from app.core.outside import waiting_outside
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.sending.domains.signing import sign_mail
from app.sending.domains.theirs import signs_alone
from app.sending.forms import TransportForm, TrialForm
from app.sending.kinds import empty_form, fields_of, filled_form, kinds, lacks_secret, typed_form
from app.sending.models import Transport
from app.sending.outgoing import waiting_mails
from app.sending.quotas import used_now
from app.sending.simple import WAIT, send_by
from app.sending.stand_ins import unset_names, why_held
from app.sending.taken import handed_since
from app.sending.transports import (
    account_of,
    blame_transport,
    caught_at,
    find_transport,
    installation_account,
    list_transports,
    mend_transport,
    remove_transport,
    row_of,
    save_transport,
    switch_transport,
)
from app.sending.trials import tried_by

DAY = timedelta(days=1)
bp = Blueprint("transports", __name__, url_prefix="/w/<ws>/settings/sending")


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """The transports; the form for the first, when there is none."""
    return _index_page(_trial_form())


@bp.get("/new")
@member(Role.OWNER)
def new() -> Any:
    """Choose a kind, then fill in its form."""
    kind = request.args.get("kind", "")
    if kind not in kinds():
        return render_template("sending/new.html", kinds=kinds())
    return _form_page("sending/create.html", kind, empty_form(kind))


@bp.post("/new")
@member(Role.OWNER)
def create() -> Any:
    """Add a transport."""
    kind = request.args.get("kind", "smtp")
    if kind not in kinds():
        raise NotFound("There is no such kind of transport.")
    form = typed_form(kind)
    if not form.validate_on_submit() or lacks_secret(fields_of(form, kind), form):
        if "tier" not in request.form:  # the short form of the first account
            return _index_page(_trial_form(), form=form), 422
        return _form_page("sending/create.html", kind, form), 422
    transport = save_transport(keyring(), fields_of(form, kind))
    db.session.commit()
    flash(_("Saved. Send a trial mail to see whether it works."), "success")
    return redirect(url_for("transports.edit", transport_id=transport.id))


@bp.get("/<int:transport_id>")
@member(Role.OWNER)
def edit(transport_id: int) -> Any:
    """One transport: its form, its state, and how to try it."""
    transport = find_transport(transport_id)
    return _transport_page(transport, filled_form(transport), _trial_form())


@bp.post("/<int:transport_id>")
@member(Role.OWNER)
def save(transport_id: int) -> Any:
    """Save a transport; an empty password keeps the one there is."""
    transport = find_transport(transport_id)
    form = typed_form(transport.kind)
    if not form.validate_on_submit():
        return _transport_page(transport, form, _trial_form()), 422
    fields = fields_of(form, transport.kind, transport)
    if lacks_secret(fields, form, transport):
        return _transport_page(transport, form, _trial_form()), 422
    save_transport(keyring(), fields, transport)
    db.session.commit()
    flash(_("Saved. Send a trial mail to see whether it works."), "success")
    return redirect(url_for("transports.edit", transport_id=transport.id))


@bp.post("/<int:transport_id>/switch")
@member(Role.OWNER)
def switch(transport_id: int) -> Any:
    """Switch a transport on or off."""
    transport, on = find_transport(transport_id), request.form.get("on") == "1"
    switch_transport(transport, on=on)
    db.session.commit()
    words = _("“%(name)s” is switched on.") if on else _("“%(name)s” is switched off. A run under way ends by itself.")
    flash(words % {"name": transport.name}, "success")
    return redirect(url_for("transports.index"))


@bp.post("/<int:transport_id>/remove")
@member(Role.OWNER)
def remove(transport_id: int) -> Any:
    """Take a transport away, unless a campaign under way depends on it."""
    transport = find_transport(transport_id)
    try:
        remove_transport(transport)
    except Conflict as error:
        return _transport_page(transport, filled_form(transport), _trial_form(), failure=str(error)), 409
    db.session.commit()
    if list_transports():
        flash(_("Removed."), "success")
    else:
        flash(_("Removed. Mail goes out by the installation's account."), "success")
    return redirect(url_for("transports.index"))


@bp.post("/<int:transport_id>/trial")
@member(Role.OWNER)
def trial(transport_id: int) -> Any:
    """Send a trial mail by this transport and show what the server says."""
    transport, form = find_transport(transport_id), TrialForm()
    if not form.validate_on_submit():
        return _transport_page(transport, filled_form(transport), form), 422
    try:
        account = account_of(settings(), keyring(), row_of(transport))
        mail = _trial_mail(form.to.data.strip(), relay_signs=transport.signs)
        with waiting_outside(WAIT) as until:
            words = send_by(account, mail, counts_for=transport.id, until=until)
    except Busy as error:
        return _transport_page(transport, filled_form(transport), form, trial_failure=str(error)), 429
    except (Invalid, TemporaryFailure, SettingsError) as error:
        blame_transport(transport, str(error))
        db.session.commit()
        return _transport_page(transport, filled_form(transport), form, trial_failure=str(error)), 422
    mend_transport(transport, words)
    db.session.commit()
    flash(_("The mail server took it: %(words)s", words=words), "success")
    _warn_of_names()
    return redirect(url_for("transports.edit", transport_id=transport.id))


@bp.post("/trial")
@member(Role.OWNER)
def try_installation() -> Any:
    """Send a trial mail by the installation's account."""
    form = TrialForm()
    if not form.validate_on_submit():
        return _index_page(form), 422
    try:
        account = installation_account(settings())
        mail = _trial_mail(form.to.data.strip(), relay_signs=signs_alone("smtp", account.host))
        with waiting_outside(WAIT) as until:
            words = send_by(account, mail, until=until)
    except Busy as error:
        return _index_page(form, failure=str(error)), 429
    except (Invalid, TemporaryFailure, SettingsError) as error:
        return _index_page(form, failure=str(error)), 422
    flash(_("The mail server took it: %(words)s", words=words), "success")
    _warn_of_names()
    return redirect(url_for("transports.index"))


def _index_page(trial_form: TrialForm, form: TransportForm | None = None, failure: str = "") -> str:
    transports = list_transports()
    used = used_now([each.id for each in transports])
    return render_template(
        "sending/index.html",
        transports=transports,
        kinds=kinds(),
        used=used,
        handed=handed_since(clock.now() - DAY, [each.id for each in transports]),
        tried=tried_by(transports, used),
        form=form or empty_form("smtp"),
        kind="smtp",
        trial=trial_form,
        account=installation_account(settings()),
        defaults=installation_account(settings()),
        failure=failure,
        unset=unset_names(_sender().rpartition("@")[2].lower()),
        held=why_held(g.workspace.id, _sender()),
        waiting=waiting_mails(),
        caught_at=caught_at(settings()),
        now=clock.now(),
    )


def _form_page(template: str, kind: str, form: TransportForm, transport: Transport | None = None, **values: Any) -> str:
    return render_template(
        template,
        kind=kind,
        kinds=kinds(),
        form=form,
        defaults=installation_account(settings()),
        transport=transport,
        has_others=any(each is not transport for each in list_transports()),
        **values,
    )


def _transport_page(
    transport: Transport, form: TransportForm, trial_form: TrialForm, failure: str = "", trial_failure: str = ""
) -> str:
    used = used_now([transport.id])
    return _form_page(
        "sending/transport.html",
        transport.kind,
        form,
        transport,
        used=used.get(transport.id, {}),
        tried=tried_by([transport], used)[transport.id],
        trial=trial_form,
        failure=failure,
        trial_failure=trial_failure,
        now=clock.now(),
    )


def _trial_form() -> TrialForm:
    return TrialForm(formdata=None, to=current_user.email)


def _trial_mail(to: str, *, relay_signs: bool) -> WireMail:
    workspace = g.workspace
    text = _("This mail shows that Merpati can send for %(name)s.", name=workspace.name)
    mail = compose_simple(
        sender=Sender(workspace.from_name or workspace.name, _sender()),
        to_name="",
        to_email=to,
        subject=_("A trial mail from Merpati"),
        text=text + "\n",
        html=f"<p>{escape(text)}</p>\n",
        date=clock.now(),
        mail_domain=settings().mail_domain,
    )
    return sign_mail(workspace.id, mail, relay_signs=relay_signs)


@bp.app_template_global("why_mail_waits")
def why_mail_waits(workspace: Workspace) -> str:
    """Why confirmations of a workspace are kept back, for pages of rooms below; empty when they go."""
    return why_held(workspace.id, workspace.from_email or f"no-reply@{settings().mail_domain}")


def _sender() -> str:
    return str(g.workspace.from_email or f"no-reply@{settings().mail_domain}")


def _warn_of_names() -> None:
    """A trial goes all the same: it is how somebody finds out. But that it went must not read as if all were well."""
    words = unset_names(_sender().rpartition("@")[2].lower())
    if held := why_held(g.workspace.id, _sender()):
        words = [_("Confirmations and other mails of Merpati are kept back: %(why)s", why=held), *words]
    for each in words:
        flash(each, "warning")
        log("sending").warning("a trial went out under names that are not set", words=each)
