"""Settings, Sending: the SMTP account of a workspace, and a trial that shows the server's own words."""

from html import escape
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts.access import member
from app.accounts.models import Role
from app.core import clock
from app.core.database import db
from app.core.errors import Invalid, TemporaryFailure
from app.core.extensions import keyring, settings
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.sending.forms import TransportForm, TrialForm
from app.sending.simple import send_mail
from app.sending.transports import (
    AccountFields,
    caught_at,
    find_transport,
    forget_transport,
    save_transport,
    workspace_account,
)

bp = Blueprint("transports", __name__, url_prefix="/w/<ws>/settings/sending")


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """The account, and how to try it."""
    return _page(_filled_form(), _trial_form())


@bp.post("")
@member(Role.OWNER)
def save() -> Any:
    """Save the account; an empty password keeps the one there is."""
    form = TransportForm()
    if not form.validate_on_submit():
        return _page(form, _trial_form()), 422
    limits = {"connections": form.connections.data, "messages_per_connection": form.messages_per_connection.data}
    save_transport(
        keyring(),
        AccountFields(
            host=form.host.data.strip(),
            port=form.port.data,
            security=form.security.data,
            username=(form.username.data or "").strip(),
            password=form.password.data or "",
            limits={name: value for name, value in limits.items() if value},
        ),
    )
    db.session.commit()
    flash(_("Saved. Send a trial mail to see whether it works."), "success")
    return redirect(url_for("transports.index"))


@bp.post("/remove")
@member(Role.OWNER)
def remove() -> Any:
    """Go back to the installation's account."""
    forget_transport()
    db.session.commit()
    flash(_("Removed. Mail goes out by the installation's account."), "success")
    return redirect(url_for("transports.index"))


@bp.post("/trial")
@member(Role.OWNER)
def trial() -> Any:
    """Send a trial mail and show what the server says."""
    form = TrialForm()
    if not form.validate_on_submit():
        return _page(_filled_form(), form), 422
    try:
        words = send_mail(g.workspace.id, _trial_mail(form.to.data.strip()))
    except (Invalid, TemporaryFailure) as error:
        return _page(_filled_form(), form, failure=str(error)), 422
    flash(_("The mail server took it: %(words)s", words=words), "success")
    return redirect(url_for("transports.index"))


def _page(form: TransportForm, trial_form: TrialForm, failure: str = "") -> str:
    return render_template(
        "sending/index.html",
        form=form,
        trial=trial_form,
        transport=find_transport(),
        account=workspace_account(g.workspace.id, settings(), keyring()),
        failure=failure,
        caught_at=caught_at(settings()),
    )


def _filled_form() -> TransportForm:
    transport = find_transport()
    if transport is None:
        return TransportForm(formdata=None)
    return TransportForm(formdata=None, obj=transport, data=transport.limits)


def _trial_form() -> TrialForm:
    return TrialForm(formdata=None, to=current_user.email)


def _trial_mail(to: str) -> WireMail:
    workspace = g.workspace
    text = _("This mail shows that Merpati can send for %(name)s.", name=workspace.name)
    return compose_simple(
        sender=Sender(
            workspace.from_name or workspace.name, workspace.from_email or f"no-reply@{settings().mail_domain}"
        ),
        to_name="",
        to_email=to,
        subject=_("A trial mail from Merpati"),
        text=text + "\n",
        html=f"<p>{escape(text)}</p>\n",
        date=clock.now(),
        mail_domain=settings().mail_domain,
    )
