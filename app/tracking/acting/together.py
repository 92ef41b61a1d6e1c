"""Many facts at once: the same consequences as `act`, one after the other, in a few statements.

What is odd is left for the way one by one: a message that is being sent, or that somebody else holds just now, and a
name that our resolver has to be asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select

from app.audience.suppressions import Reason, suppress
from app.core import clock
from app.core.database import db
from app.messages.evidence import settle_messages
from app.messages.lifecycle import State
from app.messages.models import Message
from app.tracking.acting.act import KNOWN, Effect, effect_of
from app.tracking.acting.earlier import NOTE, placed_together
from app.tracking.acting.facts import Told
from app.tracking.acting.giving_up import give_up
from app.tracking.acting.looking import look_for_bursts
from app.tracking.acting.points import enough_points
from app.tracking.acting.record import Record
from app.tracking.acting.recording import EVENTS, LONGEST, event_values
from app.tracking.acting.rounds import rounds
from app.tracking.acting.sets import (
    Failure,
    add_all_points,
    forget_all_points,
    give_all_up,
    mark_all_bounced,
    write_events,
)
from app.tracking.incidents.opening import provider_of
from app.tracking.incidents.refusals import feed_refusal, still_news

Notes = dict[int, str]
"""What was done about a fact, by its position."""
HELD = "many fail alike, so the address is kept until somebody decides"
SUPPRESSED = "the address is suppressed"


def act_together(told: Sequence[Told]) -> Notes:
    """Act on facts; what has no note is left as it was, for `act`. Needs the workspace of their messages in scope.

    Commits nothing: commit soon, since it holds locks. Nothing is waited for while they are held, so a batch gets in
    nobody's way in a circle.
    """
    now = clock.now()
    told = [replace(one, at=min(one.at, now)) for one in told]
    messages = _hold({one.message_id for one in told})
    notes: Notes = {}
    refused: list[Told] = []
    for positions in rounds(told, messages, _is_odd)[0]:
        done = _Round([told[position] for position in positions], messages)
        notes |= zip(positions, done.notes, strict=True)
        refused += done.refused
    _tell_of_refusals(refused, messages)
    return notes


def _hold(numbers: set[int]) -> dict[int, Message]:
    """The messages that nobody else holds and that are not being sent, locked."""
    query = select(Message).where(Message.id.in_(numbers), Message.state != State.SENDING).order_by(Message.id)
    query = query.with_for_update(key_share=True, skip_locked=True).execution_options(populate_existing=True)
    return {message.id: message for message in db.session.scalars(query)}


def _is_odd(one: Told) -> bool:
    fact = one.fact
    return fact.kind == "bounce" and fact.reason == "hostunknown" and fact.persistence == "permanent"


def _tell_of_refusals(refused: list[Told], messages: Mapping[int, Message]) -> None:
    # Sorted, since each locks its incident until the end.
    by_domain = {_domain(messages[one.message_id]): messages[one.message_id] for one in refused}
    names = {domain: provider_of(message) for domain, message in by_domain.items()}
    for one in sorted(refused, key=lambda one: (names[_domain(messages[one.message_id])], one.fact.reason)):
        feed_refusal(messages[one.message_id], one.fact.reason, one.fact.diagnostic, one.at)


def _domain(message: Message) -> tuple[str, str]:
    """What the provider of a message follows from."""
    return message.provider, message.address.rpartition("@")[2].lower()


class _Round:
    """Facts no two of which speak of the same message, address or person."""

    def __init__(self, told: Sequence[Told], messages: Mapping[int, Message]) -> None:
        self._messages = messages
        self.refused: list[Told] = []
        told = placed_together(told)
        record = Record(one.message_id for one in told)
        self.notes = [_idle_note(one, record) for one in told]
        fresh = [(place, one) for place, one in enumerate(told) if not self.notes[place]]
        effects = {place: effect_of(messages[one.message_id], one.fact) for place, one in fresh if _is_bounce(one)}
        self._write(fresh, effects)
        self._bounce([(place, one) for place, one in fresh if place in effects], effects, record)
        self._others([(place, one) for place, one in fresh if place not in effects])
        settle_messages([one.message_id for _place, one in fresh])

    def _write(self, fresh: list[tuple[int, Told]], effects: Mapping[int, Effect]) -> None:
        write_events(
            [
                event_values(self._messages[one.message_id], one.fact, one.source, one.at, effects.get(place, ""))
                for place, one in fresh
            ]
        )

    def _bounce(self, bounces: list[tuple[int, Told]], effects: Mapping[int, Effect], record: Record) -> None:
        for place, one in bounces:
            self.notes[place] = f"bounced: {one.fact.reason}; {NOTE}"
        bounces = [(place, one) for place, one in bounces if not one.fact.is_earlier]
        mark_all_bounced(_failure(one) for _place, one in bounces)
        self.refused = [
            one
            for place, one in bounces
            if effects[place] == "alert" and not record.has_bounced_for(one.message_id, one.fact.reason, still_news())
        ]
        blamed = [
            (effects[place], one)
            for place, one in bounces
            if effects[place] in ("suppress", "score")
            and self._messages[one.message_id].subscriber_id is not None
            and not record.was_found_dead(one.message_id, one.at)
        ]
        # Before anybody is given up: what comes all at once is seen here before the first of it is believed.
        look_for_bursts([(one.fact.reason, one.at) for _effect, one in blamed])
        done = self._given_up([one for effect, one in blamed if effect == "suppress"])
        done |= self._scored([one for effect, one in blamed if effect == "score"])
        for place, one in bounces:
            self.notes[place] = f"bounced: {one.fact.reason}; {done.get(one.message_id, 'the address is kept')}"

    def _given_up(self, dead: list[Told]) -> dict[int, str]:
        held = give_all_up(_failure(one, one.fact.diagnostic[:LONGEST] or one.fact.status) for one in dead)
        return {one.message_id: HELD if one.message_id in held else SUPPRESSED for one in dead}

    def _scored(self, failed: list[Told]) -> dict[int, str]:
        ripe = add_all_points(_failure(one, one.fact.diagnostic or one.fact.status) for one in failed)
        done = {}
        for one in failed:
            message = self._messages[one.message_id]
            if message.id in ripe and (evidence := enough_points(message)):
                done[message.id] = give_up(message, one.fact.reason, evidence)
        return done

    def _others(self, others: list[tuple[int, Told]]) -> None:
        signs = []
        for place, one in others:
            message = self._messages[one.message_id]
            self.notes[place] = EVENTS[one.fact.kind]
            if one.fact.kind == "complaint":
                self.notes[place] = "complained; the address is suppressed"
                if message.subscriber_id is not None:
                    suppress(message.address, Reason.COMPLAINED, evidence=one.fact.diagnostic, message_id=message.id)
            elif one.fact.kind in ("delivered", "reply") and message.subscriber_id is not None:
                signs.append((message.id, one.at))
        forget_all_points(signs)


def _idle_note(one: Told, record: Record) -> str:
    """The note of a fact that leads to nothing; empty for one that does."""
    if one.fact.kind not in EVENTS:
        return f"{one.fact.kind}; nothing was changed"
    return KNOWN if record.is_known(one) else ""


def _is_bounce(one: Told) -> bool:
    return one.fact.kind == "bounce"


def _failure(one: Told, evidence: str = "") -> Failure:
    return Failure(one.message_id, one.fact.reason, evidence, one.at)
