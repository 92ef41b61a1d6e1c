"""Which message an event speaks of. Needs the webhook's workspace in scope, and finds nothing beyond it."""

import re
from datetime import datetime, timedelta

from sqlalchemy import select, text

from app.core.database import current_workspace_id, db
from app.core.errors import BadToken
from app.core.extensions import keyring
from app.core.tokens import Purpose
from app.messages.models import Message
from app.tracking.webhooks.translate.heard import Heard

REACH = timedelta(days=14)
"""How long after the sending a report may be found by the provider's own name for the message."""
SHORTEST_NAME = 10
_TOKEN = re.compile(r"(?<![A-Za-z2-7])[A-Za-z2-7]{26}(?![A-Za-z2-7])")
_MOST = 20

# By the person, since attempts have no index on what a provider replied: a handful of rows, however large the ledger.
# The name stands in the reply to a call as `id=<…>`, and in the words of SMTP relays after the final dot.
_BY_NAME = text(
    """
    SELECT m.id FROM subscribers s
    JOIN messages m ON m.subscriber_id = s.id AND m.workspace_id = s.workspace_id
    JOIN attempts a ON a.message_id = m.id AND a.workspace_id = m.workspace_id
    WHERE s.workspace_id = :workspace AND s.address = ANY(:addresses) AND a.at >= :since
      AND EXISTS (SELECT FROM unnest(CAST(:names AS text[])) n WHERE strpos(a.reply, n) > 0)
    ORDER BY a.at DESC LIMIT 1
    """
)


def find_message(heard: Heard, at: datetime) -> Message | None:
    """The message, by our token, or else by the provider's name for it among this person's latest."""
    number = number_in_token(heard) or _by_name(heard, at)
    return db.session.scalar(select(Message).where(Message.id == number)) if number else None


def number_in_token(heard: Heard) -> int | None:
    """The number of the message whose token stands in what was heard; it may be of any workspace, or gone."""
    for words in heard.texts:
        for token in _TOKEN.findall(words[:2000])[:_MOST]:
            try:
                return keyring().read_from_mail(Purpose.RETURN_PATH, token)
            except BadToken:
                continue
    return None


def _by_name(heard: Heard, at: datetime) -> int | None:
    names = [name.replace("\0", "") for name in heard.names if SHORTEST_NAME <= len(name) <= 200][:_MOST]
    addresses = [person.replace("\0", "").strip().lower() for person in heard.recipients if "@" in person][:_MOST]
    if not names or not addresses:
        return None
    values = {"workspace": current_workspace_id(), "addresses": addresses, "names": names, "since": at - REACH}
    found: int | None = db.session.scalar(_BY_NAME, values)
    return found
