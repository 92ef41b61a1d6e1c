"""What the link in a forwarded reply leads to, and taking back a click made there. Looking changes nothing."""

from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from app.accounts.access import member, public
from app.accounts.models import Role
from app.audience.suppressions import Reason
from app.core.database import db, every_workspace
from app.core.errors import NotFound
from app.messages.models import IncomingMail
from app.tracking.replies.forwarding import wish_of
from app.tracking.replies.undoing import take_back
from app.tracking.replies.wish import has_left, mail_of, recipient_of, unsubscribe_writer

bp = Blueprint("replies", __name__)


@bp.get("/replies/<token>")
@public
def ask(token: str) -> Any:
    """Who wrote what, and the button."""
    with every_workspace():
        mail = mail_of(token)
        recipient = recipient_of(mail)
        left = has_left(recipient)
    return render_template(
        "tracking/replies/ask.html", token=token, recipient=recipient, wish=wish_of(mail.raw), mail=mail, left=left
    )


@bp.post("/replies/<token>")
@public
def unsubscribe(token: str) -> Any:
    """Unsubscribe the person."""
    with every_workspace():
        recipient = unsubscribe_writer(mail_of(token))
        db.session.commit()
        return render_template("tracking/replies/done.html", recipient=recipient)


@bp.post("/w/<ws>/incoming/<int:mail_id>/undo")
@member(Role.EDITOR)
def undo(mail_id: int) -> Any:
    """Take back one's own click, within minutes."""
    query = select(IncomingMail).where(IncomingMail.id == mail_id, IncomingMail.workspace_id == g.workspace.id)
    mail = db.session.scalar(query)
    if mail is None:
        raise NotFound("This reply is not kept any more. Nothing was changed.")
    recipient = recipient_of(mail)
    address, stopped = recipient.message.address, take_back(mail, recipient, current_user.id, _name())
    db.session.commit()
    if stopped:
        flash(_still_stopped(stopped, address), "warning")
    else:
        flash(_("%(address)s gets your mail as before.", address=address), "success")
    assert recipient.person is not None
    return redirect(url_for("people.show", ws=g.workspace.slug, subscriber_id=recipient.person.id))


def _name() -> str:
    name: str = current_user.name or current_user.email
    return name


def _still_stopped(reason: str, address: str) -> str:
    why = {
        Reason.BOUNCED: _("mail to it came back for good"),
        Reason.IMPORTED: _("it stands on a list of suppressed addresses that was brought in"),
        Reason.COMPLAINED: _("they complained"),
        Reason.MANUAL: _("a member suppressed it by hand"),
    }
    said = why.get(Reason(reason), _("another suppression is in force"))
    words: str = _("The click is undone, but %(address)s still gets no mail: %(why)s.", address=address, why=said)
    return words


@bp.after_request
def _out_of_search_engines(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
