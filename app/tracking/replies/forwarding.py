"""What people write back goes on to the marketer: once, within limits, and never what a machine wrote.

A mail is looked at when it was understood as a reply. It goes out with the system's own mails (sending/outgoing.py),
which compose it anew for each attempt; a reply that does not go on stays readable in the pages, with the reason.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Row, func, or_, select, text
from sqlalchemy.exc import OperationalError

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, every_workspace, in_workspace
from app.core.extensions import enqueue_job, keyring, settings
from app.core.jobs import Job
from app.core.logging import log
from app.core.settings import Settings
from app.mail.forward import Forward, compose_forward, why_not_forwarded
from app.mail.letter import own_part, text_of_letter
from app.mail.mime import read_parts
from app.mail.recipients import first_address
from app.mail.wire import WireMail
from app.mail.wishes import leaving_wish
from app.messages.models import IncomingMail, Message
from app.tracking.replies.senders import is_of_marketer
from app.tracking.replies.unheard import LATEST, WAITED, reopen_waiting

FORWARD = "forward-reply"
"""Its name among the system's own mails; their row is the incoming mail."""
PER_PERSON = 20
"""Replies of one person that go on within an hour …"""
PER_WORKSPACE = 500
"""… and of all people of a workspace within a day."""
LEAVE = b"reply-leave"
"""Purpose of the token in the link by which the marketer unsubscribes who asked for it."""
_NEW = timedelta(days=3)
"""What is older is no news: an address entered today does not bring the replies of a year."""
_AT_ONCE = 200

_SENDER = text(
    """
    SELECT c.name, c.reply_to FROM messages m JOIN campaigns c ON c.id = m.campaign_id
    WHERE m.id = :message AND m.workspace_id = :workspace
    """
)
_DECIDE = text(
    """
    UPDATE incoming_mails SET facts = facts || jsonb_build_object('forward', CAST(:decision AS text))
    WHERE id = :id AND NOT facts ? 'forward'
    """
)


def queue_replies() -> int:
    """Decide about new replies and queue those that go on; commits. Returns how many were queued."""
    with every_workspace():
        reopen_waiting()
        for number in _undecided():
            _decide_alone(number)
            db.session.commit()
        waiting = _waiting()
        db.session.commit()
    for number in waiting:
        enqueue_job(Job.SEND_SYSTEM_MAIL, FORWARD, number, once_as=f"mail-{FORWARD}-{number}")
    return len(waiting)


def compose_reply(mail_id: int) -> tuple[int, WireMail] | None:
    """The workspace and the mail for a reply; None when it does not go on any more."""
    mail = db.session.get(IncomingMail, mail_id, populate_existing=True)
    if mail is None or mail.workspace_id is None or mail.message_id is None or mail.facts.get("forward") != "queued":
        return None
    workspace = db.session.get_one(Workspace, mail.workspace_id)
    with in_workspace(workspace.id):
        message = db.session.scalar(select(Message).where(Message.id == mail.message_id))
        if message is None or not (address := forward_address(workspace, message, settings())):
            return None
        # From here on the row of the outgoing mail sees to it, which is written in the same transaction.
        mail.forwarded_at = mail.forwarded_at or clock.now()
        return workspace.id, compose_forward(
            _forward(mail, message, address), mail_domain=settings().mail_domain, date=clock.now()
        )


def forward_address(workspace: Workspace, message: Message | None, settings: Settings) -> str:
    """Where replies go: as the workspace says, else where the campaign or the workspace wants replies; or nowhere."""
    sender = _sender(message) if message is not None else None
    wanted = (workspace.forward_replies_to, sender.reply_to if sender else "", workspace.reply_to)
    own = settings.bounce_domains
    return next((each for each in wanted if each and each.rpartition("@")[2].lower() not in own), "")


def wish_of(raw: bytes) -> str:
    """The words of a reply that look like a wish to leave, or an empty text."""
    return leaving_wish(own_part(text_of_letter(read_parts(raw))))


def _undecided() -> Sequence[int]:
    row = IncomingMail
    return _new_replies(row.handled_at.is_not(None), row.message_id.is_not(None), ~row.facts.has_key("forward"))


def _waiting() -> Sequence[int]:
    return _new_replies(IncomingMail.facts["forward"].astext == "queued")


def _new_replies(*conditions: ColumnElement[bool]) -> Sequence[int]:
    row = IncomingMail
    newest = db.session.scalar(select(func.max(row.id))) or 0
    is_new = or_(row.received_at > clock.now() - _NEW, row.facts.has_key(WAITED))
    query = select(row.id).where(row.id > newest - LATEST, is_new)
    query = query.where(row.kind == "reply", row.forwarded_at.is_(None), *conditions)
    return db.session.scalars(query.order_by(row.id).limit(_AT_ONCE)).all()


def _decide_alone(number: int) -> None:
    """A mail that upsets us must not stop those behind it, of whichever workspace: it is passed over and says so."""
    mail = db.session.get(IncomingMail, number)
    if mail is None:
        return  # its time was over meanwhile
    try:
        with db.session.begin_nested():
            _decide(mail)
    except OperationalError:
        raise  # the database is away or overrun: this mail's turn comes again
    except Exception as error:  # noqa: BLE001 - the mail is kept whole; the decision and the log name the fault
        db.session.execute(_DECIDE, {"id": number, "decision": "unreadable"})
        log("replies").error("a reply could not be decided upon", mail=number, exc_info=error)


def _decide(mail: IncomingMail) -> None:
    workspace = db.session.get_one(Workspace, mail.workspace_id)
    # One at a time for a workspace, or two rounds at once would each find room below the limit.
    db.session.execute(select(Workspace.id).where(Workspace.id == workspace.id).with_for_update(key_share=True))
    with in_workspace(workspace.id):
        message = db.session.scalar(select(Message).where(Message.id == mail.message_id))
        decision = _why_not(mail, message, workspace) if message is not None else "erased"
    db.session.execute(_DECIDE, {"id": mail.id, "decision": decision or "queued"})


def _why_not(mail: IncomingMail, message: Message, workspace: Workspace) -> str:
    """Why a reply does not go on, in a word (tracking/post/_words.html has the sentence); empty when it does."""
    address = forward_address(workspace, message, settings())
    if not address:
        return "nowhere"
    if mail.note == "unsubscribed by mail":
        return "left"
    own = settings().bounce_domains | {settings().mail_domain.lower()}
    parts = read_parts(mail.raw)
    if why := why_not_forwarded(parts, to=address, own_domains=own):
        return why
    if is_of_marketer(parts, message, workspace):
        return "theirs"
    return "limit" if _is_full(mail, message) else ""


def _is_full(mail: IncomingMail, message: Message) -> bool:
    row, now = IncomingMail, clock.now()
    went = select(func.count()).select_from(row).where(row.workspace_id == mail.workspace_id)
    went = went.where(row.kind == "reply", row.facts["forward"].astext == "queued")
    of_day = db.session.scalar(went.where(row.received_at > now - timedelta(days=1))) or 0
    person = went.join(Message, Message.id == row.message_id).where(Message.subscriber_id == message.subscriber_id)
    of_hour = db.session.scalar(person.where(row.received_at > now - timedelta(hours=1))) or 0
    return of_day >= PER_WORKSPACE or of_hour >= PER_PERSON


def _forward(mail: IncomingMail, message: Message, address: str) -> Forward:
    parts = read_parts(mail.raw)
    letter, sender = text_of_letter(parts), _sender(message)
    workspace = db.session.get_one(Workspace, message.workspace_id)
    return Forward(
        to=address,
        mail_id=mail.id,
        person=first_address(parts.header.get("From")),
        person_name=_display_name(parts.header.text("From")),
        subject=parts.header.text("Subject")[:500],
        answered=sender.name if sender else "",
        text=letter,
        page_url=settings().url(f"/w/{workspace.slug}/incoming/{mail.id}"),
        wish=leaving_wish(own_part(letter)),
        leave_url=settings().url(f"/replies/{keyring().sign(LEAVE, mail.id)}"),
        raw=mail.raw,
        went_to=message.address if mail.facts.get("by_other") else "",
    )


def _sender(message: Message) -> Row[tuple[str, str]] | None:
    names = {"message": message.id, "workspace": message.workspace_id}
    return db.session.execute(_SENDER, names).one_or_none()


def _display_name(text: str) -> str:
    """The name before the address, if there is one."""
    name = text.rpartition("<")[0].strip().strip('"').strip()
    return "" if "@" in name else name[:100]
