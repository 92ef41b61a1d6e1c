"""Who stands behind the token of a message."""

from dataclasses import dataclass

from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.addresses import mask
from app.audience.models import MailingList, Subscriber
from app.core.database import db, every_workspace
from app.core.errors import NotFound
from app.messages.models import Message


@dataclass(frozen=True, slots=True)
class Recipient:
    """A message and whom it went to. `person` is None once they were erased, `mailing_list` once it was deleted."""

    message: Message
    workspace: Workspace
    person: Subscriber | None
    mailing_list: MailingList | None

    @property
    def shown_address(self) -> str:
        """The address masked: who forwards a mail does not hand it on."""
        return mask(self.message.address)


def find_recipient(message_id: int) -> Recipient:
    """The recipient of a message of any workspace: its token is the permission. Raises NotFound."""
    with every_workspace():
        row = db.session.execute(
            select(Message, Workspace, Subscriber, MailingList)
            .join(Workspace, Workspace.id == Message.workspace_id)
            .outerjoin(Subscriber, Subscriber.id == Message.subscriber_id)
            .outerjoin(MailingList, MailingList.id == Message.list_id)
            .where(Message.id == message_id)
        ).one_or_none()
    if row is None:
        raise NotFound("The mail this link came with is not known here any more.")
    return Recipient(*row)
