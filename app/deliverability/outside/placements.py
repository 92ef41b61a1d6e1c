"""Where a campaign's mail was found in mailboxes of one's own, at each provider."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app.audience.addresses import normalise
from app.core.database import current_workspace_id, db
from app.core.errors import Invalid, NotFound
from app.deliverability.models import Placement
from app.sending.models import MailboxDomain

PLACES = ("inbox", "promotions", "spam", "missing")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A campaign's mail at one provider: in how many mailboxes it lay where."""

    campaign_id: int
    name: str
    provider: str
    places: dict[str, int]

    @property
    def mailboxes(self) -> int:
        return sum(self.places.values())


def note_placement(campaign_id: int, address: str, placed: str, *, noted_by: int | None = None) -> Placement:
    """Note where a mailbox has a campaign's mail; said again, it replaces. Flushes. Raises Invalid, NotFound."""
    if placed not in PLACES:
        raise Invalid("Choose where the mail was found. Nothing was noted.", field="placed")
    if campaign_id not in dict(sent_campaigns(only=campaign_id)):
        raise NotFound("There is no such campaign in this workspace. Nothing was noted.")
    mailbox = normalise(address).address
    values = {"provider": _provider(mailbox), "placed": placed, "noted_by": noted_by}
    statement = insert(Placement).values(
        workspace_id=current_workspace_id(), campaign_id=campaign_id, address=mailbox, **values
    )
    statement = statement.on_conflict_do_update(index_elements=["campaign_id", "address"], set_=values)
    return db.session.scalars(statement.returning(Placement), execution_options={"populate_existing": True}).one()


def was_sent_to(placement: Placement) -> bool:
    """Whether the campaign has a mail to that mailbox which a server took. In words, as `sent_campaigns`."""
    query = text(
        "SELECT EXISTS (SELECT FROM subscribers s JOIN messages m ON m.subscriber_id = s.id "
        "WHERE s.workspace_id = :workspace AND s.address = :address AND m.campaign_id = :campaign "
        "AND m.sent_at IS NOT NULL)"
    )
    named = {"workspace": current_workspace_id(), "campaign": placement.campaign_id, "address": placement.address}
    return bool(db.session.scalar(query, named))


def forget_placement(placement_id: int) -> None:
    """Take one back. Raises NotFound."""
    placement = db.session.scalar(select(Placement).where(Placement.id == placement_id))
    if placement is None:
        raise NotFound("There is no such note in this workspace.")
    db.session.delete(placement)


def placements(limit: int = 200) -> list[Placement]:
    """The latest notes."""
    return list(db.session.scalars(select(Placement).order_by(Placement.id.desc()).limit(limit)))


def sightings(notes: Iterable[Placement], names: dict[int, str]) -> list[Sighting]:
    """Notes counted by campaign and provider, the latest campaign first."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    for note in notes:
        counts.setdefault((note.campaign_id, note.provider), Counter())[note.placed] += 1
    order = sorted(counts, key=lambda key: (-key[0], key[1]))
    return [Sighting(key[0], names.get(key[0], ""), key[1], dict(counts[key])) for key in order]


def sent_campaigns(*, only: int | None = None, limit: int = 100) -> list[tuple[int, str]]:
    """Number and name of campaigns that went out, the latest first. In words: campaigns stand above this room."""
    rows = db.session.execute(
        text(
            "SELECT id, name FROM campaigns WHERE workspace_id = :workspace AND launched_at IS NOT NULL "
            "AND (CAST(:only AS bigint) IS NULL OR id = :only) ORDER BY launched_at DESC, id DESC LIMIT :limit"
        ),
        {"workspace": current_workspace_id(), "only": only, "limit": limit},
    )
    return [(row.id, row.name) for row in rows]


def _provider(mailbox: str) -> str:
    """Whose mailbox it is, where somebody was written to at its domain before; else the domain itself."""
    domain = mailbox.rpartition("@")[2]
    return db.session.scalar(select(MailboxDomain.provider).where(MailboxDomain.domain == domain)) or domain
