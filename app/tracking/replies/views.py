"""What the link in a forwarded reply leads to: a page with a button. Looking changes nothing."""

from typing import Any

from flask import Blueprint, Response, render_template

from app.accounts.access import public
from app.core.database import db, every_workspace
from app.tracking.replies.forwarding import wish_of
from app.tracking.replies.wish import has_left, mail_of, recipient_of, unsubscribe_writer

bp = Blueprint("replies", __name__, url_prefix="/replies")


@bp.get("/<token>")
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


@bp.post("/<token>")
@public
def unsubscribe(token: str) -> Any:
    """Unsubscribe the person."""
    with every_workspace():
        recipient = unsubscribe_writer(mail_of(token))
        db.session.commit()
        return render_template("tracking/replies/done.html", recipient=recipient)


@bp.after_request
def _out_of_search_engines(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
