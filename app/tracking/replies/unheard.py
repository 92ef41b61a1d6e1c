"""Replies that went nowhere because no address was set: counted for who may set one, and sent on once somebody has."""

from datetime import timedelta

from sqlalchemy import func, select, text

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.extensions import settings
from app.messages.models import IncomingMail
from app.tracking.models import Mailbox

LATEST = 50_000
"""How far back replies are looked for, in mails: one is decided upon soon after it came, or once an address is set."""
WAITED = "waited"
"""Marks a reply that went nowhere at first, and is decided upon once more: it never is a third time."""
PATIENCE = timedelta(days=14)
"""What waited longer is no news."""
MOST = 500
"""Of one workspace within that time."""
AT_ONCE = 200

_REOPEN = text(
    """
    WITH newest AS (SELECT max(id) - :latest AS id FROM incoming_mails), waiting AS (
        SELECT i.id FROM incoming_mails i
        JOIN messages m ON m.id = i.message_id AND m.workspace_id = i.workspace_id
        JOIN workspaces w ON w.id = i.workspace_id
        JOIN campaigns c ON c.id = m.campaign_id AND c.workspace_id = i.workspace_id
        WHERE i.kind = 'reply' AND i.forwarded_at IS NULL AND i.id > (SELECT id FROM newest) AND i.received_at > :since
          AND i.facts ->> 'forward' = 'nowhere' AND NOT i.facts ? 'waited'
          AND EXISTS (SELECT FROM unnest(ARRAY[w.forward_replies_to, c.reply_to, w.reply_to]) address
                      WHERE address <> '' AND lower(split_part(address, '@', 2)) <> ALL(:own))
          AND (SELECT count(*) FROM incoming_mails x
               WHERE x.workspace_id = w.id AND x.id > (SELECT id FROM newest) AND x.facts ? 'waited') < :most
        ORDER BY i.id DESC LIMIT :at_once FOR UPDATE OF i SKIP LOCKED
    )
    UPDATE incoming_mails i SET facts = (i.facts - 'forward') || '{"waited": true}' FROM waiting WHERE i.id = waiting.id
    """
)


def reopen_waiting() -> None:
    """Let replies be decided upon anew for which there is an address now. Needs every workspace in scope."""
    bounds = {"latest": LATEST, "most": MOST, "at_once": AT_ONCE}
    since, own = clock.now() - PATIENCE, sorted(settings().bounce_domains)
    db.session.execute(_REOPEN, {**bounds, "since": since, "own": own})


def count_unheard() -> int:
    """The replies of the last days that went nowhere, in the workspace in scope."""
    row = IncomingMail
    newest = db.session.scalar(select(func.max(row.id))) or 0
    query = select(func.count()).where(
        row.workspace_id == current_workspace_id(),
        row.id > newest - LATEST,
        row.received_at > clock.now() - PATIENCE,
        row.kind == "reply",
        row.facts["forward"].astext == "nowhere",
    )
    return db.session.scalar(query) or 0


def may_go_nowhere(workspace: Workspace, reply_to: str) -> bool:
    """Whether replies come in here and no address is set for them; `reply_to` is the campaign's own.

    They come to the mailboxes that are read, or have come lately.
    """
    if has_address(workspace, reply_to):
        return False
    reads = db.session.scalar(select(Mailbox.id).where(Mailbox.workspace_id == workspace.id).limit(1))
    return reads is not None or count_unheard() > 0


def has_address(workspace: Workspace, reply_to: str) -> bool:
    """Whether replies go on to somebody; `reply_to` is a campaign's own, if any."""
    own = settings().bounce_domains
    addresses = (workspace.forward_replies_to, reply_to, workspace.reply_to)
    return any(each and each.rpartition("@")[2].lower() not in own for each in addresses)
