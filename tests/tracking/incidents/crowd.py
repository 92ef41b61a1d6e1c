"""A campaign to many people at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select

from app.accounts.models import Workspace
from app.audience.addresses import address_hash
from app.audience.models import Subscriber, Suppression
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Message
from app.tracking.acting.act import act
from app.tracking.acting.facts import Fact
from app.tracking.incidents.watch import watch_workspace
from app.tracking.models import HeldSuppression, Incident


@dataclass(frozen=True)
class Crowd:
    """The people of one provider and their messages, sent ten minutes ago."""

    workspace: Workspace
    campaign: Campaign
    messages: list[Message]

    def tell(self, which: slice, fact_of: Callable[[], Fact], source: str = "mail") -> None:
        """The same sort of fact about each of these messages, each committed."""
        with in_workspace(self.workspace.id):
            for message in self.messages[which]:
                act(message, fact_of(), source, clock.now())
                db.session.commit()

    def watch(self) -> None:
        """What the schedule does once a minute."""
        with in_workspace(self.workspace.id):
            watch_workspace()
            db.session.commit()

    def incidents(self, kind: str = "burst") -> list[Incident]:
        with in_workspace(self.workspace.id):
            query = select(Incident).where(Incident.kind == kind).order_by(Incident.id)
            return list(db.session.scalars(query.execution_options(populate_existing=True)))

    def suppressed(self) -> set[bytes]:
        """The hashes of the addresses that get no mail."""
        with in_workspace(self.workspace.id):
            return set(db.session.scalars(select(Suppression.address_hash).where(Suppression.lifted_at.is_(None))))

    def held(self) -> list[HeldSuppression]:
        with in_workspace(self.workspace.id):
            query = select(HeldSuppression).order_by(HeldSuppression.id)
            return list(db.session.scalars(query.execution_options(populate_existing=True)))

    def hash_of(self, number: int) -> bytes:
        return address_hash(self.workspace.address_key, self.messages[number].address)


def crowd(
    workspace: Workspace, number: int, *, provider: str = "google", domain: str = "example.net", prefix: str = "p"
) -> Crowd:
    """So many people, each with a message that was taken."""
    with in_workspace(workspace.id):
        campaign = Campaign(name="Dovecote weekly", state="finished", launched_at=clock.now())
        db.session.add(campaign)
        db.session.flush()
        addresses = [f"{prefix}{each}-{campaign.id}@{domain}" for each in range(number)]
        people = list(
            db.session.scalars(
                insert(Subscriber).returning(Subscriber.id, sort_by_parameter_order=True),
                [
                    {
                        "workspace_id": workspace.id,
                        "email": address,
                        "address": address,
                        "address_hash": address_hash(workspace.address_key, address),
                    }
                    for address in addresses
                ],
            )
        )
        sent = [
            {
                "workspace_id": workspace.id,
                "campaign_id": campaign.id,
                "subscriber_id": person,
                "address": address,
                "provider": provider,
                "state": "sent",
                "attempts": 1,
                "sent_at": clock.now() - timedelta(minutes=10),
            }
            for person, address in zip(people, addresses, strict=True)
        ]
        db.session.execute(insert(Message), sent)
        db.session.commit()
        query = select(Message).where(Message.campaign_id == campaign.id).order_by(Message.id)
        return Crowd(workspace, campaign, list(db.session.scalars(query)))
