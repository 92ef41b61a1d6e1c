"""Campaigns that went out, message by message, with attempts and events at chosen hours. Needs a workspace in scope."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from uuid import uuid4

from sqlalchemy import insert

from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.models import Attempt, Event, Message


@dataclass
class Letter:
    """One message: who gets it, what each attempt brought (hours ago, outcome, code, reason), what was heard of it.

    The outcome `kept` is a deferral by a server that refuses everybody: an attempt, and no news of the message.
    """

    provider: str = "yahoo"
    attempts: list[tuple[float, str, int, str]] = field(default_factory=lambda: [(2.0, "sent", 250, "")])
    events: list[tuple[float, str, str, dict[str, str]]] = field(default_factory=list)
    """Hours ago, kind, label, data."""
    transport: str = "Relay"
    run: int | None = None
    """Of the attempts; None: the installation's own way."""


def a_campaign(state: str = "sending", *, domain: str = "aviary.example.com", name: str = "") -> Campaign:
    """A campaign that was launched; flushed."""
    campaign = Campaign(
        name=name or f"Letter {token_hex(3)}", state=state, launched_at=clock.now(), from_email=f"news@{domain}"
    )
    db.session.add(campaign)
    db.session.flush()
    return campaign


def write(campaign: Campaign, letters: list[Letter], now: datetime | None = None) -> list[int]:
    """Write messages with their attempts and events; returns their ids. Not committed."""
    workspace, now, ids = current_workspace_id(), now or clock.now(), []
    tries, told = [], []
    for letter in letters:
        sent = [hours for hours, outcome, *_ in letter.attempts if outcome == "sent"]
        message = Message(
            workspace_id=workspace,
            campaign_id=campaign.id,
            address=f"{token_hex(6)}@example.com",
            provider=letter.provider,
            state="sent" if sent else "deferred",
            sent_at=now - timedelta(hours=sent[-1]) if sent else None,
            attempts=len(letter.attempts),
        )
        db.session.add(message)
        db.session.flush()
        ids.append(message.id)
        about = {"workspace_id": workspace, "message_id": message.id, "campaign_id": campaign.id}
        for hours, outcome, code, reason in letter.attempts:
            at = now - timedelta(hours=hours)
            way = {"transport": letter.transport, "run_id": letter.run, "code": code or None, "reason": reason}
            tries.append({**about, **way, "at": at, "outcome": "deferred" if outcome == "kept" else outcome})
            if outcome == "deferred":
                heard = {"reason": reason, "code": str(code)}
                told.append({**about, "id": uuid4(), "at": at, "kind": outcome, "label": "", "data": heard})
        for hours, kind, label, data in letter.events:
            told.append(
                {**about, "id": uuid4(), "at": now - timedelta(hours=hours), "kind": kind, "label": label, "data": data}
            )
    if tries:
        db.session.execute(insert(Attempt), tries)
    if told:
        db.session.execute(insert(Event), told)
    return ids


def complain(message_ids: list[int], campaign: Campaign, at: datetime | None = None, by: str = "mail") -> None:
    """A complaint about each of these messages, by the way it came. Not committed."""
    rows = [
        {
            "id": uuid4(),
            "at": at or clock.now(),
            "workspace_id": campaign.workspace_id,
            "message_id": one,
            "campaign_id": campaign.id,
            "kind": "complained",
            "label": "human",
            "data": {"by": by},
        }
        for one in message_ids
    ]
    db.session.execute(insert(Event), rows)


def deliver(campaign: Campaign, count: int, provider: str = "yahoo", hours_ago: float = 2.0) -> list[int]:
    """So many sent messages without more about them, quickly; their ids. Not committed."""
    at = clock.now() - timedelta(hours=hours_ago)
    rows = [
        {
            "workspace_id": campaign.workspace_id,
            "campaign_id": campaign.id,
            "address": f"{number}@example.com",
            "provider": provider,
            "state": "sent",
            "sent_at": at,
            "attempts": 1,
        }
        for number in range(count)
    ]
    return list(db.session.scalars(insert(Message).returning(Message.id), rows))
