"""Somebody to read a preview or a test mail: a real person of the workspace, or a made-up one."""

from collections.abc import Mapping

from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.attributes import attribute_types
from app.audience.models import Subscriber, Subscription
from app.campaigns.audience import included_lists
from app.campaigns.models import Campaign
from app.content.preview import SAMPLE_PERSON
from app.core.database import db
from app.core.errors import NotFound
from app.core.extensions import keyring, settings
from app.messages.links import SAMPLE, MessageLinks
from app.rendering.merge import PersonContext
from app.sending.letters import merge_fields


def find_reader(subscriber_id: int | None) -> Subscriber | None:
    """The person to view as; None for the made-up one. Raises NotFound."""
    if not subscriber_id:
        return None
    person = db.session.scalar(select(Subscriber).where(Subscriber.id == subscriber_id))
    if person is None:
        raise NotFound("There is no such person in this workspace. Choose somebody else to view as.")
    return person


def reader_context(campaign: Campaign, person: Subscriber | None, *, tracked: bool = False) -> PersonContext:
    """What the mail needs to know. Its addresses belong to the sample message: they change and count nothing."""
    workspace = db.session.get_one(Workspace, campaign.workspace_id)
    links = message_links()
    token = links.token(SAMPLE)
    prefix = links.click_prefix(token)
    return PersonContext(
        subscriber=person_fields(person),
        links_prefix=prefix,
        unsubscribe_url=links.unsubscribe(token),
        preferences_url=links.preferences(token),
        view_url=links.view(token),
        campaign={"name": campaign.name},
        workspace={"name": workspace.name, "postal_address": workspace.postal_address},
        sign_link=lambda _index, url: prefix + links.seal(0, url),
        track_links=tracked,
    )


def person_fields(person: Subscriber | None) -> Mapping[str, object]:
    """The merge fields `subscriber.…` of a person."""
    if person is None:
        return {**{key: f"[{key}]" for key in attribute_types()}, **SAMPLE_PERSON}
    return merge_fields(person.email, person.first_name, person.last_name, person.locale, person.attributes)


def message_links() -> MessageLinks:
    """Makes the addresses of this installation."""
    return MessageLinks(keyring(), settings().base_url)


def possible_readers(campaign: Campaign, size: int = 8) -> list[Subscriber]:
    """A few people of the campaign's lists to view it as."""
    people = (
        select(Subscription.subscriber_id)
        .where(Subscription.list_id.in_(included_lists(campaign)), Subscription.state == "confirmed")
        .order_by(Subscription.list_id, Subscription.subscriber_id)
        .limit(size)
    )
    return list(db.session.scalars(select(Subscriber).where(Subscriber.id.in_(people)).order_by(Subscriber.email)))
