"""Where replies to a campaign go, for its review."""

from app.accounts.models import Workspace
from app.campaigns.findings import SETTINGS, Finding
from app.campaigns.models import Campaign
from app.core.database import db
from app.tracking.replies.unheard import count_unheard, may_go_nowhere


def reply_findings(campaign: Campaign) -> list[Finding]:
    """A warning while replies that come in here would go nowhere."""
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    if not may_go_nowhere(workspace, campaign.reply_to):
        return []
    waiting = count_unheard()
    message = (
        "Replies that come in here go nowhere, since no reply address is set: they only stand under Incoming mail. "
        "Set one here, or for all campaigns under Settings, Mailboxes and replies."
    )
    if waiting:
        message += f" What came within the last 14 days then goes on to it, {waiting:,} so far."
    return [Finding("warning", "replies-nowhere", message, SETTINGS, "reply_to")]
