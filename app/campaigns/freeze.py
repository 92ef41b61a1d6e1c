"""The freeze: from here on it is settled who gets what. One transaction, safe to repeat."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.accounts.models import Workspace
from app.campaigns.audience import cells_of, judge, variants_of
from app.campaigns.corrected import take_over
from app.campaigns.engagement import rank_by_engagement
from app.campaigns.layout import layout_of
from app.campaigns.lifecycle import UNTOUCHED, CampaignState, change_state, waiting
from app.campaigns.limits import take_turns
from app.campaigns.models import Campaign, Cell, Link, Variant
from app.campaigns.review import blocking_findings, sender_of
from app.content.designs import freeze_design, load_compiled
from app.core import clock
from app.core.database import db
from app.core.errors import Invalid, MerpatiError
from app.core.logging import log
from app.messages.lifecycle import State
from app.messages.models import Message


def freeze(campaign_id: int) -> CampaignState:
    """Write the ledger of a campaign in `launching` and let it hold or send; give a draft back when it cannot be.

    Two at once: the second waits for the row and finds nothing left to do. Returns the campaign's state.
    """
    campaign = db.session.scalar(select(Campaign).where(Campaign.id == campaign_id).with_for_update())
    if campaign is None or campaign.state != CampaignState.LAUNCHING:
        return CampaignState(campaign.state) if campaign else CampaignState.DRAFT
    if not take_over(campaign):
        return CampaignState.LAUNCHING
    try:
        with db.session.begin_nested():
            _write_ledger(campaign)
    except MerpatiError as error:
        reason = f"It could not be sent and is a draft again. {error}"
        change_state(
            campaign.id,
            CampaignState.DRAFT,
            expected=[CampaignState.LAUNCHING],
            version=campaign.version,
            launched_at=None,
            **waiting(reason, clock.now()),
        )
        return CampaignState.DRAFT
    return _let_go(campaign)


def thaw(campaign_id: int) -> bool:
    """Take the ledger of an undone launch away again; True if a worker had a message of it, which stays."""
    of_it = Message.campaign_id == campaign_id
    db.session.execute(delete(Message).where(of_it, Message.state.in_(UNTOUCHED)))
    if db.session.scalar(select(Message.id).where(of_it).limit(1)) is not None:
        return True
    db.session.execute(delete(Cell).where(Cell.campaign_id == campaign_id))
    db.session.execute(delete(Link).where(Link.campaign_id == campaign_id))
    return False


def _write_ledger(campaign: Campaign) -> None:
    take_turns(campaign)
    if findings := blocking_findings(campaign):
        raise Invalid(" ".join(finding.message for finding in findings))
    _settle_sender(campaign)
    variants = variants_of(campaign)
    for variant in variants:
        _freeze_variant(campaign, variant)
    _cut_cells(campaign, variants)
    binds = {"campaign": campaign.id, "planned": State.PLANNED, "skipped": State.SKIPPED}
    campaign.considered = judge(_LEDGER, campaign, layout_of(campaign), **binds).rowcount
    rank_by_engagement(campaign)
    db.session.flush()
    log("campaigns").info("frozen", campaign_id=campaign.id, people=campaign.considered)


def _settle_sender(campaign: Campaign) -> None:
    """What the workspace lent the campaign stays with it, whatever is set there later."""
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    campaign.from_name, campaign.from_email = sender_of(campaign, workspace)
    campaign.reply_to = campaign.reply_to or workspace.reply_to


def _freeze_variant(campaign: Campaign, variant: Variant) -> None:
    design = freeze_design(campaign.mjml if variant.mjml is None else variant.mjml)
    variant.design_id = design.id
    rows = [
        {
            "workspace_id": campaign.workspace_id,
            "campaign_id": campaign.id,
            "variant_id": variant.id,
            "position": link.index,
            "url": link.url,
            "label": link.label,
        }
        for link in load_compiled(design).links
    ]
    if rows:
        db.session.execute(insert(Link).values(rows))


def _cut_cells(campaign: Campaign, variants: list[Variant]) -> None:
    for cell in cells_of(campaign):
        db.session.add(
            Cell(
                workspace_id=campaign.workspace_id,
                campaign_id=campaign.id,
                variant_id=None if cell.variant is None else variants[cell.variant].id,
                position=cell.position,
                low=cell.low,
                high=cell.high,
            )
        )
    db.session.flush()


_LEDGER = """
INSERT INTO messages (workspace_id, campaign_id, subscriber_id, list_id, cell_id, variant_id, address, state, reason,
                      next_attempt_at, provider)
SELECT :workspace, :campaign, person.subscriber_id, person.list_id, cells.id, cells.variant_id, person.email,
       CASE WHEN person.reason = '' THEN :planned ELSE :skipped END, person.reason, person.moment,
       coalesce(known.provider, '')
FROM considered person
LEFT JOIN cells ON cells.campaign_id = :campaign AND cells.position = person.position
LEFT JOIN mailbox_domains known ON known.domain = lower(substring(person.email from '[^@]*$'))
ORDER BY person.subscriber_id
"""


def _let_go(campaign: Campaign) -> CampaignState:
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    if workspace.hold_seconds == 0:
        to, hold_until = CampaignState.SENDING, None
    else:
        to, hold_until = CampaignState.HOLDING, clock.now() + timedelta(seconds=workspace.hold_seconds)
    change_state(campaign.id, to, expected=[CampaignState.LAUNCHING], hold_until=hold_until)
    return to
