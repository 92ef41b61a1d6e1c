"""Whether it was the person themselves who answered: an address that a message went to is read by others as well."""

from sqlalchemy import text

from app.core.database import db
from app.mail.same_mailbox import ROLES
from app.messages.models import Message

NOTE = "a reply by somebody else; nothing was changed"

_OF_THE_HOUSE = text(
    """
    SELECT EXISTS (
        SELECT FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.workspace_id = w.id AND lower(u.email) = :writer
    ) OR lower(split_part(w.from_email, '@', 2)) = :domain
      OR EXISTS (SELECT FROM messages m JOIN campaigns c ON c.id = m.campaign_id
                 WHERE m.id = :message AND lower(split_part(c.from_email, '@', 2)) = :domain)
    FROM workspaces w WHERE w.id = :workspace
    """
)


def is_by_the_person(writer: str, message: Message) -> bool:
    """Whether an address is the one the message went to, or plainly of the same person.

    That is the same mailbox with another plus-tag, or the same name at another domain, unless every house has such a
    name, or the writer is of the workspace's own house: a member, or at a domain that it sends from.
    """
    (name, domain), (own_name, own_domain) = _parts(writer), _parts(message.address)
    if not name or name != own_name:
        return False
    if domain == own_domain:
        return True
    asked = {"writer": writer.lower(), "domain": domain, "message": message.id, "workspace": message.workspace_id}
    return name not in ROLES and not db.session.scalar(_OF_THE_HOUSE, asked)


def _parts(address: str) -> tuple[str, str]:
    """Local part without a tag, and domain, both in lower case."""
    name, _at, domain = address.strip().lower().rpartition("@")
    return name.partition("+")[0], domain
