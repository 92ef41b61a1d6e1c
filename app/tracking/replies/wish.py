"""Unsubscribing who asked for it in a reply: a member of the workspace decides, by one click."""

from flask import has_request_context
from flask_login import current_user
from sqlalchemy import select

from app.audience.suppressions import WITHDRAWN, is_suppressed
from app.core.database import db, in_workspace
from app.core.errors import BadToken, NotFound
from app.core.extensions import keyring
from app.messages.models import IncomingMail
from app.tracking.leaving import Act, leave
from app.tracking.recipients import Recipient, find_recipient
from app.tracking.replies.forwarding import LEAVE


def recipient_of(mail: IncomingMail) -> Recipient:
    """Whom a mail is from, by the message it answers. Raises NotFound."""
    if mail.message_id is None or mail.workspace_id is None:
        raise NotFound("Nobody knows whose mail this is, so nobody can be unsubscribed by it.")
    recipient = find_recipient(mail.message_id)
    if recipient.message.workspace_id != mail.workspace_id or recipient.person is None:
        raise NotFound("Everything we knew about this person was deleted, so there is nobody to unsubscribe.")
    return recipient


def mail_of(token: str) -> IncomingMail:
    """The mail that a link in a forwarded reply names. Raises BadToken, NotFound."""
    number = keyring().read(LEAVE, token)
    mail = db.session.scalar(select(IncomingMail).where(IncomingMail.id == number))
    if mail is None:
        raise NotFound("This reply is not kept any more. Unsubscribe the person on their page in Merpati.")
    if mail.kind != "reply":
        raise BadToken("This link does not belong to a reply.")
    return mail


def unsubscribe_writer(mail: IncomingMail) -> Recipient:
    """Take the person off everything, as they asked; twice is once. The mail is the evidence."""
    recipient = recipient_of(mail)
    user = current_user if has_request_context() and current_user.is_authenticated else None
    act = Act(
        "operator",
        by=f"reply:{mail.id}",
        who=(user.name or user.email) if user else "",
        user_id=user.id if user else None,
        wished_at=mail.received_at,
    )
    with in_workspace(recipient.message.workspace_id):
        leave(recipient, act, everything=True)
    return recipient


def has_left(recipient: Recipient) -> bool:
    """Whether the person gets nothing any more."""
    with in_workspace(recipient.message.workspace_id):
        return recipient.person is None or is_suppressed(recipient.person, reasons=WITHDRAWN)
