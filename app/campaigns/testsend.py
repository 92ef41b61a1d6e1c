"""Test mails: what a variant looks like in a real inbox, sent right away and counted nowhere."""

import math

from app.accounts.models import Workspace
from app.audience.addresses import normalise
from app.audience.models import Subscriber
from app.campaigns.models import Campaign, Variant
from app.campaigns.reader import message_links, reader_context
from app.campaigns.review import sender_of
from app.campaigns.review_content import source_of
from app.campaigns.review_domain import domain_findings
from app.content.preview import compiled
from app.core import clock
from app.core.database import db
from app.core.errors import Invalid
from app.core.extensions import settings
from app.core.logging import log
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.rendering.merge import Personaliser, RenderedEmail
from app.sending.simple import send_mail

MOST_ADDRESSES = 10


def send_test(
    campaign: Campaign, variant: Variant, to_email: str, person: Subscriber | None = None, *, until: float = math.inf
) -> str:
    """Send one test mail now, before a moment of the monotonic clock, and return what the server answered.

    Raises Invalid for the address or the content, TemporaryFailure with the server's words.
    """
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    name, address = sender_of(campaign, workspace)
    if not address:
        raise Invalid("There is no sender address yet. Set one under Settings, then send the test again.", field="to")
    sender = Sender(name, normalise(address).email, campaign.reply_to or workspace.reply_to or None)
    to = normalise(to_email).email
    mail = _compose(sender, to, _render(campaign, variant, person))
    return send_mail(campaign.workspace_id, mail, until)


def what_speaks_against(campaign: Campaign) -> list[str]:
    """Why a campaign from this sender would not start, though its test goes: a test is how somebody finds out."""
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    found = [each for each in domain_findings(sender_of(campaign, workspace)[1], 1) if each.is_blocking]
    if found:
        codes = [each.code for each in found]
        log("campaigns").warning("a test went out, a campaign would not", campaign_id=campaign.id, codes=codes)
    return [each.message for each in found]


def split_addresses(text: str) -> list[str]:
    """The addresses in a field, separated by commas, semicolons or lines. Raises Invalid."""
    found = [normalise(part).email for part in text.replace(";", ",").replace("\n", ",").split(",") if part.strip()]
    if not found:
        raise Invalid("Write the address that gets the test.", field="to")
    if len(found) > MOST_ADDRESSES:
        raise Invalid(f"These are {len(found)} addresses; a test goes to {MOST_ADDRESSES} at most.", field="to")
    return list(dict.fromkeys(found))


def _render(campaign: Campaign, variant: Variant, person: Subscriber | None) -> RenderedEmail:
    design = compiled(source_of(campaign, variant))
    links = message_links()
    targets = [links.seal(0, link.url) for link in design.links]
    merge = Personaliser(
        design, subject=variant.subject, preheader=variant.preheader, link_targets=targets if targets else ()
    )
    return merge.render(reader_context(campaign, person, tracked=campaign.track_clicks))


def _compose(sender: Sender, to: str, mail: RenderedEmail) -> WireMail:
    return compose_simple(
        sender=sender,
        to_name="",
        to_email=to,
        subject=f"[Test] {mail.subject}".strip(),
        text=mail.text,
        html=mail.html,
        date=clock.now(),
        mail_domain=settings().mail_domain,
    )
