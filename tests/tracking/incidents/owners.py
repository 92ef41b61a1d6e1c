"""Owners of a workspace in which incidents come up, and the mails that tell them."""

from email import message_from_bytes, policy
from typing import Any

from sqlalchemy import select

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.mail.wire import WireMail
from app.sending import outgoing
from app.tracking.incidents.telling import INCIDENT, tell_owners
from app.tracking.models import Incident, IncidentNotice


class Owners:
    """Incidents come up, the minute's look is taken, what waits is sent; what goes out is caught."""

    def __init__(self, workspace: Workspace, outbox: list[WireMail]) -> None:
        self.workspace, self.outbox = workspace, outbox

    def burst(self, provider: str = "google", reason: str = "userunknown") -> Incident:
        return self._add(kind="burst", provider=provider, reason=reason, count=42, of=400, action="held")

    def refusal(
        self,
        count: int = 80,
        action: str = "nothing",
        reason: str = "blocked",
        words: str = "550 5.7.1 <you> are on our list",
    ) -> Incident:
        return self._add(
            kind="blocked", provider="yahoo", reason=reason, count=count, of=90, action=action, words=words
        )

    def complaints(self, state: str = "paused", action: str = "paused") -> Incident:
        with in_workspace(self.workspace.id):
            campaign = Campaign(name="Dovecote weekly", state=state, launched_at=clock.now())
            db.session.add(campaign)
            db.session.flush()
        words = "12 complaints of 3,000 messages delivered at yahoo."
        return self._add(
            kind="complaints",
            provider="yahoo",
            reason="complained",
            campaign_id=campaign.id,
            count=12,
            action=action,
            words=words,
        )

    def look(self) -> None:
        tell_owners()
        for notice in self.notices(queued_at=None):
            outgoing.send_outgoing(INCIDENT, notice.id)

    def notices(self, **which: Any) -> list[IncidentNotice]:
        with in_workspace(self.workspace.id):
            return list(db.session.scalars(select(IncidentNotice).filter_by(**which).order_by(IncidentNotice.id)))

    def _add(self, **facts: Any) -> Incident:
        with in_workspace(self.workspace.id):
            incident = Incident(began_at=clock.now(), seen_at=clock.now(), **facts)
            db.session.add(incident)
            db.session.commit()
            return incident


def parsed(mail: WireMail) -> tuple[str, str, str]:
    read: Any = message_from_bytes(mail.data, policy=policy.default)
    plain, html = read.iter_parts()
    return read["Subject"], " ".join(plain.get_content().split()), html.get_content()
