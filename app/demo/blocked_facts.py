"""What a blocklist incident did to people: what Merpati believes, and what the world knows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import exists, func, select

from app.audience.models import Suppression
from app.campaigns.second_try import Pick, try_again
from app.core.database import db, in_workspace
from app.messages.lifecycle import OPEN, State
from app.messages.models import Message
from app.sending.lanes import start_lanes
from app.sending.models import OutgoingMail
from app.sending.pacing.state import provider_paces, transport_key
from app.simulator.gate import domain_of
from app.simulator.providers import provider_of
from app.simulator.truth import read_truth
from app.tracking.incidents.telling import INCIDENT
from app.tracking.models import Incident, IncidentNotice

REASON = "blocked"
PERMANENT = frozenset({"unknown", "full", "policy", "blocked"})
"""What a letter that came back says with a code that begins with 5."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What held for a provider at one moment."""

    held: bool
    slots: int | None
    why: str


@dataclass(frozen=True, slots=True)
class PlayCheck:
    """Something that has to hold."""

    what: str
    found: str
    ok: bool


@dataclass(frozen=True)
class Truths:
    """The world's side: addresses by what became of them, and how often each was really delivered to."""

    delivered: Counter[str] = field(default_factory=Counter)
    dead: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    sent_back: set[str] = field(default_factory=set)
    by_digit: set[str] = field(default_factory=set)
    """Whom a rule would give up that goes by the first digit."""


@dataclass(frozen=True)
class Outcome:
    """The end of the play. The people of the blocked provider are `theirs`."""

    truths: Truths
    people: int
    theirs: set[str]
    got: set[str]
    """Addresses whose message is sent in the ledger."""
    suppressed: set[str]
    left: int
    incidents: list[dict[str, Any]]
    told: int
    """Mails to owners that left."""
    lanes: list[Lane]

    def figures(self) -> dict[str, Any]:
        """Counts of people, and what the incident said."""
        truths = self.truths
        touched = truths.refused | truths.sent_back
        return {
            "written_to": self.people,
            "at_the_blocked_provider": len(self.theirs),
            "refused_at_its_door": len(truths.refused),
            "sent_back_by_it": len(truths.sent_back),
            "really_dead": len(truths.dead),
            "suppressed_by_merpati": len(self.suppressed),
            "suppressed_but_alive": len(self.suppressed - truths.dead),
            "first_digit_would_suppress": len(truths.by_digit),
            "first_digit_alive": len(truths.by_digit - truths.dead),
            "first_digit_alive_for_the_block": len((truths.by_digit & touched) - truths.dead),
            "twice": sum(1 for times in truths.delivered.values() if times > 1),
            "mails_to_owners": self.told,
            "incidents": self.incidents,
            "lane": [{"held": lane.held, "slots": lane.slots, "why": lane.why} for lane in self.lanes],
        }

    def checks(self) -> list[PlayCheck]:
        """What must have been so."""
        truths, alive = self.truths, self.theirs - self.truths.dead
        once = sum(1 for address in self.got if truths.delivered[address] == 1)
        lost = self.suppressed - truths.dead
        elsewhere = truths.dead - self.theirs
        blocked = [one for one in self.incidents if one["kind"] == "blocked" and one["reason"] == REASON]
        touched = truths.refused | truths.sent_back
        return [
            PlayCheck(
                "people were touched by the block", f"{len(touched):,}", bool(truths.refused and truths.sent_back)
            ),
            PlayCheck("people suppressed who are alive", f"{len(lost):,}", not lost),
            # Some letters about a dead address speak too vaguely to be believed at once: those count by days.
            PlayCheck(
                "really dead addresses elsewhere that are suppressed",
                f"{len(elsewhere & self.suppressed):,} of {len(elsewhere):,}",
                len(elsewhere & self.suppressed) > 0.9 * len(elsewhere),
            ),
            PlayCheck("the incident was raised, once", f"{len(blocked)}", len(blocked) == 1),
            PlayCheck("an owner was told by mail", f"{self.told}", self.told > 0),
            PlayCheck("its lane was held", f"{sum(lane.held for lane in self.lanes)} times seen", self._was_held()),
            PlayCheck("still open", f"{self.left:,}", not self.left),
            PlayCheck(
                "those refused or sent back have the mail now",
                f"{len(touched & self.got):,} of {len(touched & alive):,} alive",
                self._have_it(touched & alive),
            ),
            PlayCheck("have the mail exactly once", f"{once:,} of {len(self.got):,}", once == len(self.got)),
        ]

    def _was_held(self) -> bool:
        return any(lane.held for lane in self.lanes)

    def _have_it(self, people: Iterable[str]) -> bool:
        # Some of them meet an ordinary failure of one message at the second try: a full mailbox, a spam filter.
        missing = [address for address in people if address not in self.got]
        return len(missing) <= 0.02 * max(1, len(self.theirs))


def outcome_of(story: Any, provider: str, truth: Path, lanes: list[Lane]) -> Outcome:
    """Everything, read at the end."""
    truths = read_truths(truth)
    with in_workspace(story.workspace.id):
        rows = db.session.execute(
            select(Message.address, Message.state).where(
                Message.campaign_id == story.campaign_id, Message.state != State.SKIPPED
            )
        ).all()
        given_up = set(
            db.session.scalars(
                select(Message.address)
                .join(Suppression, Suppression.message_id == Message.id)
                .where(Suppression.reason == "bounced", Suppression.lifted_at.is_(None))
            )
        )
        incidents = [_shown(one) for one in db.session.scalars(select(Incident).order_by(Incident.id))]
        db.session.rollback()
    everybody = {row.address for row in rows}
    return Outcome(
        truths,
        len(everybody),
        {address for address in everybody if provider_of(domain_of(address)).name == provider},
        {row.address for row in rows if row.state == State.SENT},
        given_up,
        sum(row.state in OPEN for row in rows),
        incidents,
        count_told(story),
        lanes,
    )


def read_truths(path: Path) -> Truths:
    """The world's own record, by person."""
    truths = Truths()
    for entry in read_truth(path):
        kind, to, reason, status = entry["kind"], entry["to"], entry.get("reason", ""), entry.get("status", 0)
        if kind == "accepted":
            truths.delivered[to] += 1
        elif kind == "rejected" or kind == "dsn":
            if reason == "unknown":
                truths.dead.add(to)
            elif reason == REASON:
                (truths.refused if kind == "rejected" else truths.sent_back).add(to)
            if status >= 500 or (kind == "dsn" and reason in PERMANENT):
                truths.by_digit.add(to)
    return truths


def lane_of(provider: str) -> Lane | None:
    """The pace of the provider on the installation's transport, or None while it is not slowed."""
    for pace in provider_paces(transport_key(None)):
        if pace.provider == provider:
            return Lane(pace.held_until is not None, pace.slots, pace.why)
    return None


def left_open(story: Any) -> int:
    """Messages of the campaign that are not concluded yet."""
    return _scalar(story, select(func.count()).where(Message.campaign_id == story.campaign_id, Message.state.in_(OPEN)))


def unbegun(story: Any, *, only: str = "", besides: str = "") -> int:
    """Messages that no server was asked about yet, of one provider or of all but one."""
    states = (State.PLANNED, State.SENDING)
    query = select(func.count()).where(Message.campaign_id == story.campaign_id, Message.state.in_(states))
    if only:
        query = query.where(Message.provider == only)
    if besides:
        query = query.where(Message.provider != besides)
    return _scalar(story, query)


def returned(story: Any) -> int:
    """Messages that came back because of the block."""
    came_back = (Message.state == State.BOUNCED, Message.reason == REASON)
    return _scalar(story, select(func.count()).where(Message.campaign_id == story.campaign_id, *came_back))


def count_incidents(story: Any, provider: str) -> int:
    """Incidents about the block that are noted."""
    return _scalar(story, select(func.count()).where(Incident.provider == provider, Incident.reason == REASON))


def count_told(story: Any) -> int:
    """Mails about incidents that a server has taken."""
    waits = exists().where(OutgoingMail.kind == INCIDENT, OutgoingMail.row_id == IncidentNotice.id)
    return _scalar(story, select(func.count()).where(IncidentNotice.queued_at.is_not(None), ~waits))


def try_returned_again(story: Any) -> int:
    """Press “Try again” for those who came back; returns how many go."""
    with in_workspace(story.workspace.id):
        tried = try_again(story.campaign_id, [Pick(State.BOUNCED, REASON)], by="the owner of the demo").tried
        db.session.commit()
        start_lanes(story.campaign_id)
    return tried


def _scalar(story: Any, query: Any) -> int:
    with in_workspace(story.workspace.id):
        found = db.session.scalar(query)
        db.session.rollback()
    return int(found or 0)


def _shown(incident: Incident) -> dict[str, Any]:
    names = ("kind", "provider", "reason", "count", "of", "action", "words")
    return {name: getattr(incident, name) for name in names}
