"""Settings, Mailboxes and replies: mailboxes elsewhere, and where replies go."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Busy, Conflict, Invalid
from app.core.extensions import enqueue_job, keyring, settings
from app.core.jobs import Job
from app.core.outside import waiting_outside
from app.tracking.mailboxes.edit import ask_again, find_mailbox, list_mailboxes, save_mailbox, switch_mailbox
from app.tracking.mailboxes.forms import LOGINS, ForwardingForm, MailboxForm, empty_form, filled_form, sent_form
from app.tracking.mailboxes.poll import next_visit
from app.tracking.mailboxes.trying import WHOLE, Outcome, attempt_at, try_sign_in
from app.tracking.models import Mailbox
from app.tracking.post.unmatched import count_unmatched
from app.tracking.replies.forwarding import forward_address

bp = Blueprint("mailboxes", __name__, url_prefix="/w/<ws>/settings/incoming")


@bp.app_template_filter("mailbox_name")
def _mailbox_name(mailbox: Mailbox) -> str:
    """A mailbox for people: many servers know their users by an address, others by a bare name."""
    return mailbox.username if "@" in mailbox.username else f"{mailbox.username}@{mailbox.host}"


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """The mailboxes, our own listener, and where replies go."""
    return _index_page(ForwardingForm(formdata=None, obj=g.workspace))


@bp.post("")
@member(Role.OWNER)
def save_forwarding() -> Any:
    """Save where replies go."""
    form = ForwardingForm()
    address = (form.forward_replies_to.data or "").strip()
    if form.validate_on_submit() and address.lower().rpartition("@")[2] in settings().bounce_domains:
        form.forward_replies_to.errors = [_("This address is our own, where replies come in: they would go round.")]
    if form.errors or form.forward_replies_to.errors:
        return _index_page(form), 422
    g.workspace.forward_replies_to = address
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("mailboxes.index"))


@bp.get("/new")
@member(Role.OWNER)
def new() -> Any:
    """The ways to sign in, then the form of a new mailbox."""
    if "login" not in request.args:
        return render_template("tracking/mailboxes/new.html", logins=LOGINS)
    return _form_page(empty_form(_login("password")))


@bp.post("/new")
@member(Role.OWNER)
def create() -> Any:
    """Add a mailbox, once one can sign in to it, and visit it."""
    return _save(None)


@bp.get("/<int:mailbox_id>")
@member(Role.OWNER)
def edit(mailbox_id: int) -> Any:
    """One mailbox; `login` shows what another way to sign in would ask."""
    mailbox = find_mailbox(mailbox_id)
    return _form_page(filled_form(mailbox, _login(mailbox.login)), mailbox)


@bp.post("/<int:mailbox_id>")
@member(Role.OWNER)
def save(mailbox_id: int) -> Any:
    """Change a mailbox; an empty password keeps the one there is."""
    return _save(find_mailbox(mailbox_id))


@bp.post("/<int:mailbox_id>/visit")
@member(Role.OWNER)
def visit(mailbox_id: int) -> Any:
    """Ask it now, whatever happened before."""
    mailbox = find_mailbox(mailbox_id)
    ask_again(mailbox)
    db.session.commit()
    _visit_soon(mailbox)
    flash(_("It is being asked now. Reload in a moment to see what came of it."), "info")
    return redirect(url_for("mailboxes.edit", mailbox_id=mailbox.id))


@bp.post("/<int:mailbox_id>/switch")
@member(Role.OWNER)
def switch(mailbox_id: int) -> Any:
    """Switch it on or off."""
    mailbox, on = find_mailbox(mailbox_id), request.form.get("on") == "1"
    switch_mailbox(mailbox, on=on)
    db.session.commit()
    flash(_("Switched on.") if on else _("Switched off. What was read is kept."), "success")
    return redirect(url_for("mailboxes.index"))


@bp.post("/<int:mailbox_id>/remove")
@member(Role.OWNER)
def remove(mailbox_id: int) -> Any:
    """Forget a mailbox and its password; the mails read from it are kept for their time."""
    db.session.delete(find_mailbox(mailbox_id))
    db.session.commit()
    flash(_("Removed. The mails that were read from it are kept."), "success")
    return redirect(url_for("mailboxes.index"))


def _save(mailbox: Mailbox | None) -> Any:
    """Save what was sent once the sign-in works, or at once if somebody says so."""
    form = sent_form(_login(mailbox.login if mailbox else "password"))
    if not form.validate_on_submit():
        return _form_page(form, mailbox), 422
    outcome = Outcome()
    try:
        saved = save_mailbox(keyring(), form.fields, mailbox)
        if not form.anyway.data:
            attempt = attempt_at(keyring(), saved, internal=settings().internal_hosts)
            # Nothing is kept yet, and nobody waits for a lock while a server is waited for.
            db.session.rollback()
            with waiting_outside(WHOLE) as until:
                outcome = try_sign_in(attempt, until)
            if outcome.trouble and outcome.secrets is None:
                return _form_page(form, mailbox, trouble=outcome.trouble), 422
            saved = save_mailbox(
                keyring(), replace(form.fields, secrets=outcome.secrets or form.fields.secrets), mailbox
            )
    except Busy as error:
        return _form_page(form, mailbox, busy=str(error)), 429
    except (Invalid, Conflict) as error:
        db.session.rollback()
        wrong = form[getattr(error, "field", None) or "host"]
        wrong.errors = [str(error)]
        return _form_page(form, mailbox), 422
    return _saved(saved, outcome)


def _saved(mailbox: Mailbox, outcome: Outcome) -> Any:
    if outcome.trouble:
        # The provider has replaced the refresh token that was entered: not to save would lose the new one.
        switch_mailbox(mailbox, on=False)
        mailbox.last_words = outcome.trouble[:500]
        words = _("Saved, but switched off: the provider replaced the refresh token, and the sign-in did not work.")
    else:
        words = _("Saved. It is being asked now; reload in a moment to see what came of it.")
    db.session.commit()
    if mailbox.is_enabled:
        _visit_soon(mailbox)
    flash(words, "warning" if outcome.trouble else "success")
    return redirect(url_for("mailboxes.edit", mailbox_id=mailbox.id))


def _login(otherwise: str) -> str:
    wanted = request.values.get("login", "")
    return wanted if wanted in LOGINS else otherwise


def _visit_soon(mailbox: Mailbox) -> None:
    enqueue_job(Job.POLL_MAILBOX, mailbox.id, once_as=f"poll-{mailbox.id}")


def _index_page(form: ForwardingForm) -> str:
    return render_template(
        "tracking/mailboxes/index.html",
        mailboxes=[(mailbox, next_visit(mailbox)) for mailbox in list_mailboxes()],
        form=form,
        goes_to=forward_address(g.workspace, None, settings()),
        bounce_domain=settings().bounce_domain,
        unmatched=count_unmatched(g.workspace.id),
        days=settings().raw_mail_days,
    )


def _form_page(form: MailboxForm, mailbox: Mailbox | None = None, *, trouble: str = "", busy: str = "") -> str:
    return render_template(
        "tracking/mailboxes/form.html",
        form=form,
        mailbox=mailbox,
        trouble=trouble,
        busy=busy,
        logins=LOGINS,
        due=next_visit(mailbox) if mailbox else None,
        with_internal=settings().internal_hosts,
    )
