"""Forgetting a person: what names them goes, what proves and counts stays without a name."""

from sqlalchemy import text

from app.audience.addresses import mask
from app.audience.models import Subscriber
from app.audience.suppressions import Reason, suppress
from app.core.database import db

# The rooms above keep copies of the address. They cannot be called from here, so their tables are named in SQL.
STEPS = (
    """
    UPDATE messages SET state = 'skipped', reason = 'suppressed', changed_at = now()
    WHERE workspace_id = :workspace_id AND subscriber_id = :id AND state IN ('planned', 'deferred')
    """,
    """
    UPDATE attempts SET reply = replace(replace(reply, :email, :hint), :address, :hint)
    WHERE workspace_id = :workspace_id AND reply <> ''
      AND message_id IN (SELECT id FROM messages WHERE workspace_id = :workspace_id AND subscriber_id = :id)
    """,
    """
    DELETE FROM incoming_mails
    WHERE workspace_id = :workspace_id
      AND message_id IN (SELECT id FROM messages WHERE workspace_id = :workspace_id AND subscriber_id = :id)
    """,
    "UPDATE events SET subscriber_id = NULL WHERE workspace_id = :workspace_id AND subscriber_id = :id",
    "UPDATE messages SET address = :hint WHERE workspace_id = :workspace_id AND subscriber_id = :id",
    """
    UPDATE import_faults SET row = ''
    WHERE import_id IN (SELECT id FROM imports WHERE workspace_id = :workspace_id)
      AND position(:address IN lower(row)) > 0
    """,
    "DELETE FROM subscribers WHERE workspace_id = :workspace_id AND id = :id",
)


def erase(subscriber: Subscriber) -> None:
    """Delete a person for good. The keyed hash of the address stays suppressed, so no import brings them back.

    Messages keep their place in the ledger with the address masked; the consent record keeps its proof under the hash.
    """
    suppress(subscriber, Reason.ERASED)
    values = {
        "workspace_id": subscriber.workspace_id,
        "id": subscriber.id,
        "email": subscriber.email,
        "address": subscriber.address,
        "hint": mask(subscriber.address),
    }
    db.session.flush()
    for step in STEPS:
        db.session.execute(text(step), values)
    db.session.expunge(subscriber)
