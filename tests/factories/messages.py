"""A campaign that went out: people, a list, a design with links, and one message each."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.lists import create_list
from app.audience.models import ConsentEvent, MailingList, Subscriber, Subscription
from app.audience.subscribers import save_subscriber
from app.audience.subscriptions import subscribe
from app.campaigns.models import Campaign, Link, Variant
from app.content.designs import freeze_design, load_compiled
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring, settings
from app.core.tokens import Purpose
from app.messages.links import MessageLinks
from app.messages.models import Event, Message

MJML = """
<mjml><mj-head><mj-title>Dovecote weekly</mj-title></mj-head><mj-body><mj-section><mj-column>
<mj-text>Hello {{ subscriber.first_name | fallback("reader") }}, this week in the dovecote:</mj-text>
LINKS
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a> <a href="{{ view_url }}">Read in the browser</a>
{{ workspace.postal_address }}</mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


@dataclass(frozen=True)
class Sent:
    """One message that went out, with everything around it. Made in the workspace in scope."""

    workspace: Workspace
    campaign: Campaign
    variant: Variant
    links: list[Link]
    mailing_list: MailingList
    person: Subscriber
    message: Message

    @property
    def token(self) -> str:
        return keyring().sign(Purpose.MESSAGE, self.message.id)

    @property
    def mail_token(self) -> str:
        return keyring().sign_for_mail(Purpose.RETURN_PATH, self.message.id)

    def click_path(self, position: int = 0) -> str:
        """The path of a link of this message."""
        link = self.links[position]
        return f"/c/{self.token}/{MessageLinks(keyring(), settings().base_url).seal(link.id, link.url)}"

    def state_on(self, mailing_list: MailingList | None = None) -> str | None:
        """How the person stands to a list, straight from the table."""
        list_id = (mailing_list or self.mailing_list).id
        with in_workspace(self.workspace.id):
            return db.session.scalar(
                select(Subscription.state).where(
                    Subscription.list_id == list_id, Subscription.subscriber_id == self.person.id
                )
            )

    def consent(self) -> list[tuple[str, str]]:
        """The person's consent record: action and source, oldest first."""
        with in_workspace(self.workspace.id):
            rows = db.session.scalars(
                select(ConsentEvent).where(ConsentEvent.subscriber_id == self.person.id).order_by(ConsentEvent.id)
            )
            return [(row.action, row.source) for row in rows]

    def events(self, kind: str | None = None) -> list[Event]:
        """What is known of the message, oldest first."""
        query = select(Event).where(Event.message_id == self.message.id).order_by(Event.at, Event.id)
        with in_workspace(self.workspace.id):
            rows = db.session.scalars(query.execution_options(populate_existing=True))
            return [event for event in rows if kind in (None, event.kind)]

    def now(self) -> Message:
        """The message as the database has it."""
        db.session.refresh(self.message)
        return self.message


def sent_campaign(workspace: Workspace, *, links: int = 6, **fields: Any) -> tuple[Campaign, Variant, list[Link]]:
    """A campaign with one variant whose design has that many links."""
    campaign = Campaign(name="Dovecote weekly", state="finished", launched_at=clock.now(), **fields)
    db.session.add(campaign)
    buttons = [f'<mj-button href="https://example.com/{number}">Story {number}</mj-button>' for number in range(links)]
    design = freeze_design(MJML.replace("LINKS", "\n".join(buttons)))
    db.session.flush()
    variant = Variant(
        campaign_id=campaign.id, position=0, name="A", subject="Dovecote weekly", share=1, design_id=design.id
    )
    db.session.add(variant)
    db.session.flush()
    made = [
        Link(campaign_id=campaign.id, variant_id=variant.id, position=link.index, url=link.url, label=link.label)
        for link in load_compiled(design).links
    ]
    db.session.add_all(made)
    db.session.flush()
    return campaign, variant, made


def sent_message(
    workspace: Workspace,
    email: str = "ada@example.org",
    *,
    in_campaign: tuple[Campaign, Variant, list[Link]] | None = None,
    to_list: MailingList | None = None,
    state: str = "sent",
    seconds_ago: float = 3600,
    **campaign: Any,
) -> Sent:
    """A message to a confirmed person, sent an hour ago; committed."""
    with in_workspace(workspace.id):
        made = in_campaign or sent_campaign(workspace, **campaign)
        mailing_list = to_list or create_list(f"Dovecote weekly {clock.now():%H%M%S%f}")
        person, _ = save_subscriber(email, first_name=email.partition("@")[0].title(), source="import")
        subscribe(person, mailing_list, source="import")
        message = Message(
            campaign_id=made[0].id,
            subscriber_id=person.id,
            list_id=mailing_list.id,
            variant_id=made[1].id,
            address=person.email,
            state=state,
            sent_at=clock.now() - timedelta(seconds=seconds_ago) if state == "sent" else None,
            attempts=1,
        )
        db.session.add(message)
        db.session.commit()
    return Sent(workspace, *made, mailing_list, person, message)
