"""Whether it was the marketer who wrote a mail that answers a person's message, and not the person."""

from sqlalchemy import text

from app.accounts.models import Workspace
from app.core.database import db
from app.mail.mime import Part
from app.mail.recipients import all_addresses, first_address
from app.messages.models import Message

_SENDER = text(
    "SELECT c.from_email, c.reply_to FROM messages m JOIN campaigns c ON c.id = m.campaign_id WHERE m.id = :m"
)


def is_of_marketer(mail: Part, message: Message, workspace: Workspace) -> bool:
    """A mailbox of the marketer's own wrote it, or a colleague there wrote to the person and copied our address.

    Anybody else may be the person: people answer from whichever address they like.
    """
    sender, person = first_address(mail.header.get("From")).lower(), message.address.lower()
    if sender == person:
        return False
    row = db.session.execute(_SENDER, {"m": message.id}).one_or_none()
    froms = {each.lower() for each in (workspace.from_email, row.from_email if row else "") if each}
    others = (workspace.reply_to, workspace.forward_replies_to, row.reply_to if row else "")
    if sender in froms | {each.lower() for each in others}:
        return True
    # A domain that newsletters are sent from is a company's, never one that everybody has a mailbox at.
    is_colleague = _domain(sender) in {_domain(each) for each in froms} - {_domain(person)}
    return is_colleague and person in _written_to(mail)


def _written_to(mail: Part) -> set[str]:
    values = [value for name in ("To", "Cc") for value in mail.header.all(name)]
    return {address.lower() for value in values for address in all_addresses(value)}


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
