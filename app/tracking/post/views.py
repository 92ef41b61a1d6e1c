"""Incoming mail: what came back, word for word. Its HTML is never shown, and nothing it names is fetched."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import NotFound
from app.core.extensions import settings
from app.core.http import replace_policy
from app.mail.letter import text_of_letter
from app.mail.mime import read_parts
from app.messages.models import IncomingMail
from app.tracking.post.queries import KINDS, PAGE, REPORTS, STATES, WISH, Wanted, find_mail, search_mail, why_no_mail
from app.tracking.recipients import Recipient
from app.tracking.replies.forwarding import wish_of
from app.tracking.replies.wish import recipient_of, unsubscribe_writer
from app.tracking.set_aside import UNREAD

bp = Blueprint("incoming", __name__, url_prefix="/w/<ws>/incoming")

SHOWN = 200_000
"""Octets of a mail that the raw view has; all of it can be downloaded."""
HEADERS = (
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "Auto-Submitted",
    "Return-Path",
)


@bp.get("")
@member(Role.EDITOR)
def index() -> Any:
    """The latest mails, or those who match."""
    wanted, before = _wanted(), request.args.get("before", type=int)
    lines = search_mail(wanted, before=before, limit=PAGE + 1)
    return render_template(
        "tracking/post/index.html",
        lines=lines[:PAGE],
        wanted=wanted,
        kinds=(KINDS[0], WISH, *KINDS[1:]),
        states=STATES,
        reports=REPORTS,
        next_before=lines[PAGE - 1].id if len(lines) > PAGE else None,
        days=settings().raw_mail_days,
    )


@bp.get("/<int:mail_id>")
@member(Role.EDITOR)
def show(mail_id: int) -> Any:
    """One mail: what was made of it, and what it says."""
    mail = find_mail(mail_id)
    if mail.kind == UNREAD:
        return render_template("tracking/post/set_aside.html", mail=mail)
    parts, recipient = read_parts(mail.raw), _recipient(mail)
    return render_template(
        "tracking/post/show.html",
        mail=mail,
        recipient=recipient,
        left=why_no_mail(recipient),
        is_erased=mail.message_id is not None and recipient is None,
        wish=wish_of(mail.raw) if mail.kind == "reply" else "",
        headers=[(name, parts.header.text(name)[:1000]) for name in HEADERS if name in parts.header],
        letter=text_of_letter(parts),
    )


@bp.get("/<int:mail_id>/raw")
@member(Role.EDITOR)
def raw(mail_id: int) -> Any:
    """The mail as it came, as text."""
    mail = find_mail(mail_id)
    source = mail.raw[:SHOWN].decode("utf-8", "replace").replace("\r\n", "\n")
    return render_template("tracking/post/raw.html", mail=mail, source=source, is_cut=len(mail.raw) > SHOWN)


@bp.get("/<int:mail_id>/download")
@member(Role.EDITOR)
def download(mail_id: int) -> Any:
    """The mail as a file."""
    mail = find_mail(mail_id)
    replace_policy("default-src 'none'; sandbox")
    headers = {
        "Content-Disposition": f"attachment; filename=mail-{mail.id}.eml",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(mail.raw, content_type="message/rfc822", headers=headers)


@bp.post("/<int:mail_id>/unsubscribe")
@member(Role.EDITOR)
def unsubscribe(mail_id: int) -> Any:
    """Unsubscribe who wrote this from everything."""
    recipient = unsubscribe_writer(find_mail(mail_id))
    db.session.commit()
    flash(_("%(address)s gets no more newsletters from you.", address=recipient.message.address), "success")
    return redirect(url_for("incoming.show", mail_id=mail_id))


def _wanted() -> Wanted:
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    return Wanted(
        kind=kind if kind in (*KINDS, WISH) else "",
        state=state if state in STATES else "",
        text=request.args.get("q", "")[:200].replace("\x00", ""),
    )


def _recipient(mail: IncomingMail) -> Recipient | None:
    try:
        return recipient_of(mail)
    except NotFound:
        return None
