"""The checklist before the flight: what stops a send and what is worth a second look, with exact numbers."""

from dataclasses import dataclass, field

from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.addresses import normalise
from app.audience.models import MailingList
from app.campaigns.audience import AudienceCount, count_audience, included_lists, variants_of
from app.campaigns.findings import AUDIENCE, SETTINGS, WORKSPACE, Finding
from app.campaigns.layout import Layout
from app.campaigns.models import Campaign
from app.campaigns.review_content import content_findings
from app.campaigns.review_domain import domain_findings, domain_notes
from app.campaigns.review_incidents import incident_findings
from app.campaigns.review_people import people_findings
from app.campaigns.review_replies import reply_findings
from app.campaigns.review_ways import way_findings
from app.core.database import db
from app.core.errors import Invalid
from app.messages.lifecycle import Skip
from app.sending.prospects import Prospects, prospects


@dataclass(frozen=True, slots=True)
class Review:
    """Findings, errors first, and the audience they were made for."""

    findings: tuple[Finding, ...]
    audience: AudienceCount
    notes: tuple[str, ...] = ()
    """What was not checked, and why."""
    ways: Prospects = field(default_factory=Prospects)
    """By which transports it would go now."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.is_blocking)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.is_blocking)


def review(campaign: Campaign) -> Review:
    """Look at everything. Counts the audience, so it takes about a second for half a million people."""
    audience = count_audience(campaign)
    ways = ways_of(campaign)
    findings = [
        *_findings(campaign, audience),
        *way_findings(ways),
        *people_findings(campaign, audience),
        *incident_findings(campaign, audience),
        *reply_findings(campaign),
    ]
    if not audience.planned and _crowded(audience):
        # At another time they may be written to: what stops a launch now must not keep it from being planned.
        findings = [_nobody_now(audience) if finding.code == "nobody" else finding for finding in findings]
    sender = sender_of(campaign, db.session.get_one(Workspace, campaign.workspace_id))[1]
    return Review(tuple(sorted(findings, key=lambda finding: finding.level)), audience, domain_notes(sender), ways)


def blocking_findings(campaign: Campaign, layout: Layout | None = None) -> list[Finding]:
    """Only what stops a send; with a layout, one that is laid out so."""
    return [finding for finding in _findings(campaign, count_audience(campaign, layout)) if finding.is_blocking]


def ways_of(campaign: Campaign) -> Prospects:
    """By which transports it would go out now."""
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    return prospects(campaign.id, sender_of(campaign, workspace)[1])


def shut_ways(campaign: Campaign) -> list[Finding]:
    """What keeps it from going out at all, by the transports; asked when somebody launches it.

    Not asked again of one that was planned: that waits for its transport, and says so.
    """
    return [finding for finding in way_findings(ways_of(campaign)) if finding.is_blocking]


def sender_of(campaign: Campaign, workspace: Workspace) -> tuple[str, str]:
    """Name and address in From: the campaign's own, else the workspace's."""
    return campaign.from_name or workspace.from_name, campaign.from_email or workspace.from_email


def _findings(campaign: Campaign, audience: AudienceCount) -> list[Finding]:
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    return [
        *_sender(campaign, workspace),
        *domain_findings(sender_of(campaign, workspace)[1], audience.planned),
        *_postal_address(workspace),
        *(found for variant in variants_of(campaign) for found in content_findings(campaign, variant)),
        *_lists(campaign),
        *_nobody(campaign, audience),
    ]


def _sender(campaign: Campaign, workspace: Workspace) -> list[Finding]:
    name, address = sender_of(campaign, workspace)
    found = []
    if not address:
        message = "There is no sender address. Set one here, or for all campaigns under Settings."
        found.append(Finding("error", "no-sender", message, SETTINGS, "from_email"))
    elif not _is_address(address):
        message = f"The sender {address!r} is not an e-mail address."
        found.append(Finding("error", "bad-sender", message, SETTINGS, "from_email"))
    elif not name:
        message = f"The sender has no name, so inboxes show only {address}."
        found.append(Finding("warning", "no-sender-name", message, SETTINGS, "from_name"))
    reply_to = campaign.reply_to or workspace.reply_to
    if reply_to and not _is_address(reply_to):
        message = f"The reply address {reply_to!r} is not an e-mail address."
        found.append(Finding("error", "bad-reply-to", message, SETTINGS, "reply_to"))
    return found


def _is_address(text: str) -> bool:
    try:
        return normalise(text).email == text
    except Invalid:
        return False


def _postal_address(workspace: Workspace) -> list[Finding]:
    if workspace.postal_address.strip():
        return []
    message = "The workspace has no postal address, which the law asks for in every newsletter. Set it under Settings."
    return [Finding("error", "no-postal-address-set", message, WORKSPACE, "postal_address")]


def _lists(campaign: Campaign) -> list[Finding]:
    archived = db.session.scalars(
        select(MailingList.name).where(
            MailingList.id.in_(included_lists(campaign)), MailingList.archived_at.is_not(None)
        )
    ).all()
    return [
        Finding("warning", "archived-list", f"The list “{name}” is archived.", AUDIENCE, "lists") for name in archived
    ]


def _nobody(campaign: Campaign, audience: AudienceCount) -> list[Finding]:
    if audience.planned:
        return []
    if not included_lists(campaign):
        message = "An audience of nobody: no list is chosen."
    elif not audience.considered:
        message = "An audience of nobody: there is no one on the chosen lists yet."
    else:
        message = f"An audience of nobody: all {audience.considered:,} people on the chosen lists are left out."
    return [Finding("error", "nobody", message, AUDIENCE, "lists")]


def _crowded(audience: AudienceCount) -> int:
    return audience.skipped.get(Skip.FREQUENCY, 0) + audience.skipped.get(Skip.TOO_SOON, 0)


def _nobody_now(audience: AudienceCount) -> Finding:
    message = (
        f"Nobody would get it now: {_crowded(audience):,} people have had as much as the workspace's limits allow. "
        "Plan it for a later time, or change the limits under Settings."
    )
    return Finding("warning", "nobody-now", message, WORKSPACE, "most_messages")
