"""The review before a launch from the shell: its warnings, and the question that its page asks."""

import sys

import click

from app.accounts.models import Workspace
from app.campaigns.audience import AudienceCount
from app.campaigns.findings import Finding
from app.campaigns.launch import FROM
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review import review
from app.core.database import db
from app.core.errors import Conflict


def look_before(campaign_id: int, *, sure: bool) -> int | None:
    """Show the warnings; what is grave has to be confirmed, on a terminal or by `sure`. Raises Conflict.

    Returns the version that was looked at; None for a campaign on its way already. What stops a send, the launch says.
    """
    campaign = find_campaign(campaign_id, fresh=True)
    if campaign.state not in FROM:
        return None
    outcome = review(campaign)
    for warning in outcome.warnings:
        click.echo(f"{'GRAVE warning' if warning.is_grave else 'Warning'}: {warning.message}", err=True)
    for note in outcome.notes:
        click.echo(f"Note: {note}", err=True)
    grave = [warning for warning in outcome.warnings if warning.is_grave]
    if outcome.errors or sure or not (why := _why_ask(campaign, outcome.audience, grave)):
        return campaign.version
    people = f"{outcome.audience.planned:,} " + ("person" if outcome.audience.planned == 1 else "people")
    if not (sys.stdin.isatty() and click.confirm(f"{why} Send “{campaign.name}” to {people}?", err=True)):
        raise Conflict(f"{why} Nothing was sent. Mend it, or say --yes to send it to {people} all the same.")
    return campaign.version


def _why_ask(campaign: Campaign, audience: AudienceCount, grave: list[Finding]) -> str:
    limit = db.session.get_one(Workspace, campaign.workspace_id).confirm_above
    said = []
    if grave:
        said.append(
            f"This warning is grave: {grave[0].message}"
            if len(grave) == 1
            else f"{len(grave)} warnings are grave, marked GRAVE above."
        )
    if audience.planned > limit:
        said.append(f"The workspace asks above {limit:,} people.")
    return " ".join(said)
