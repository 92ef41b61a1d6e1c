"""What waits for a person's decision in the workspace in scope, cheaply enough for every look at the home page."""

from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache

from sqlalchemy import or_, select, text

from app.accounts.models import Workspace
from app.audience.suppressions import WITHDRAWN
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.campaigns.overslept import SLEPT
from app.core import clock
from app.core.database import current_workspace_id, db
from app.messages.models import IncomingMail
from app.sending.models import Transport
from app.tracking.incidents.queries import Shown, count_asking, incidents_by_need
from app.tracking.incidents.telling import that_go_on
from app.tracking.models import Mailbox
from app.tracking.replies.forwarding import wish_of
from app.tracking.replies.unheard import count_unheard, has_address

FEW = 3
"""So many of a sort are named one by one."""
GOING_ON = 10
FRESH = timedelta(days=14)
"""Older replies ask no more: whoever read one and let the person stay has no button to say so."""
LATEST = 50_000
"""How far back replies are looked for, in mails."""
REPLIES = 200


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A campaign with messages of which nobody knows whether they arrived."""

    campaign_id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The first few of each sort, and how many there are in all where that may be more."""

    incidents: tuple[Shown, ...] = ()
    incidents_in_all: int = 0
    going_on: tuple[Shown, ...] = ()
    """Campaigns that the guard on complaints has paused or warns of, and providers that refuse us."""
    replies: tuple[int, ...] = ()
    """Mails that look like a wish to leave, of people who are still written to; the newest first."""
    unheard: int = 0
    """Replies of the last days that went on to nobody, while no address is set for them."""
    missed: tuple[Campaign, ...] = ()
    doubtful: tuple[Doubtful, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    """Those that could not be read at the last visit, or are asked no more since they refused us."""
    transports: tuple[Transport, ...] = ()
    """Those that were set aside after failing."""

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def waiting_for_somebody() -> Waiting:
    """All of it."""
    asking = count_asking()
    return Waiting(
        # Those that ask come first there.
        incidents=tuple([one for one in incidents_by_need() if one.asks][:FEW]) if asking else (),
        incidents_in_all=asking,
        going_on=tuple(that_go_on(GOING_ON)),
        replies=tuple(number for number in _replies_to_read() if _is_wish(number)),
        unheard=_unheard(),
        missed=tuple(_missed()),
        doubtful=tuple(_doubtful()),
        mailboxes=tuple(_mailboxes()),
        transports=tuple(_transports()),
    )


def _unheard() -> int:
    workspace = db.session.get_one(Workspace, current_workspace_id())
    return 0 if has_address(workspace, "") else count_unheard()


def _missed() -> list[Campaign]:
    """Campaigns whose time passed while nothing ran: never launched, or stopped in the midst of people's own times."""
    asks = or_(Campaign.launched_at.is_(None), Campaign.waiting_for.startswith(SLEPT))
    query = select(Campaign).where(Campaign.state == CampaignState.PAUSED, asks, Campaign.archived_at.is_(None))
    return list(db.session.scalars(query.order_by(Campaign.id.desc()).limit(20)))


def _mailboxes() -> list[Mailbox]:
    ails = or_(Mailbox.failures > 0, Mailbox.progress["refused"].astext == "true")
    return list(db.session.scalars(select(Mailbox).where(Mailbox.is_enabled, ails).order_by(Mailbox.id).limit(20)))


def _transports() -> list[Transport]:
    query = select(Transport).where(Transport.is_enabled, Transport.open_until.is_not(None))
    return list(db.session.scalars(query.order_by(Transport.id).limit(20)))


def _doubtful() -> list[Doubtful]:
    rows = db.session.execute(_DOUBTFUL, {"workspace": current_workspace_id()})
    return [Doubtful(row.id, row.name, row.number) for row in rows]


def _replies_to_read() -> list[int]:
    binds = {
        "workspace": current_workspace_id(),
        "since": clock.now() - FRESH,
        "latest": LATEST,
        "limit": REPLIES,
        "withdrawn": list(WITHDRAWN),
    }
    return list(db.session.scalars(_REPLIES, binds))


@lru_cache(maxsize=20_000)
def _is_wish(mail_id: int) -> bool:
    """Read once by each process: a mail never changes, and reading it takes about a millisecond."""
    raw = db.session.scalar(select(IncomingMail.raw).where(IncomingMail.id == mail_id))
    return raw is not None and bool(wish_of(raw))


# One look into the ledger's index for each campaign, whatever its size.
_DOUBTFUL = text(
    """
    SELECT c.id, c.name, doubtful.number FROM campaigns c
    CROSS JOIN LATERAL (SELECT count(*) AS number FROM messages m
                        WHERE m.campaign_id = c.id AND m.state = 'uncertain') doubtful
    WHERE c.workspace_id = :workspace AND c.launched_at IS NOT NULL AND c.archived_at IS NULL AND doubtful.number > 0
    ORDER BY c.id DESC LIMIT 20
    """
)
_REPLIES = text(
    """
    SELECT i.id FROM incoming_mails i
    JOIN messages m ON m.id = i.message_id AND m.workspace_id = :workspace
    JOIN subscribers s ON s.id = m.subscriber_id
    WHERE i.workspace_id = :workspace AND i.id > (SELECT max(id) FROM incoming_mails) - :latest
          AND i.kind = 'reply' AND i.received_at > :since
          AND NOT EXISTS (SELECT FROM suppressions x
                          WHERE x.workspace_id = s.workspace_id AND x.address_hash = s.address_hash
                                AND x.lifted_at IS NULL AND x.list_id IS NULL AND x.reason = ANY(:withdrawn))
    ORDER BY i.id DESC LIMIT :limit
    """
)
