"""The one door from facts to consequences: whatever came back, by whichever way, is acted upon here.

Only an address that is dead for good is given up at once. What fails for a while is counted by days; what speaks of us
never touches a person; everything else is only written down.
"""

from datetime import datetime
from typing import Literal

from app.audience.suppressions import Reason, suppress
from app.core import clock
from app.mail.reasons import OF_US
from app.messages.dead_addresses import DEAD, SENDER_SIDE
from app.messages.evidence import settle_messages
from app.messages.models import Message
from app.tracking.acting.earlier import NOTE, placed
from app.tracking.acting.facts import Fact
from app.tracking.acting.giving_up import give_up
from app.tracking.acting.gone import is_gone
from app.tracking.acting.points import add_point, enough_points, forget_points
from app.tracking.acting.recording import (
    EVENTS,
    LONGEST,
    has_bounced_for,
    is_known,
    lock,
    mark_bounced,
    was_found_dead,
    write_down,
)
from app.tracking.incidents.bursts import look_for_burst
from app.tracking.incidents.refusals import feed_refusal, still_news

Effect = Literal["suppress", "score", "alert", "note"]

KNOWN = "known already; nothing was changed"


def act(message: Message, fact: Fact, source: str, at: datetime) -> str:
    """Write the fact down once and act on it; returns what was done, in words for the operator.

    Needs the message's workspace in scope; commits nothing: commit after each, since it holds locks. `source` is the
    way in, such as `mail` or `webhook:ses`; `at` is when it happened. Raises NotYet while the message is being sent.
    """
    at = min(at, clock.now())
    # Before the lock: this may ask DNS.
    effect = effect_of(message, fact) if fact.kind == "bounce" else "note"
    lock(message)
    if fact.kind not in EVENTS:
        return f"{fact.kind}; nothing was changed"
    fact, at = placed(message.id, fact, at)
    if is_known(message, fact, source, at):
        return KNOWN
    note = _bounce(message, fact, source, at, effect) if fact.kind == "bounce" else _other(message, fact, source, at)
    settle_messages([message.id])
    return note


def effect_of(message: Message, fact: Fact) -> Effect:
    """What a bounce leads to: by its reason, its scope, and how long it lasts."""
    if fact.is_earlier:
        return "note"
    if fact.scope in ("address", "domain"):
        dead = fact.reason in DEAD and fact.persistence == "permanent"
        if dead and fact.reason == "hostunknown":
            dead = is_gone(message.address.rpartition("@")[2])
        return "suppress" if dead else "score"
    if fact.scope in OF_US and fact.reason in SENDER_SIDE:
        return "alert"
    return "note"


def _bounce(message: Message, fact: Fact, source: str, at: datetime, effect: Effect) -> str:
    if fact.is_earlier:
        write_down(message, fact, source, at, "note")
        return f"bounced: {fact.reason}; {NOTE}"
    acted_before, heard_before = was_found_dead(message, at), has_bounced_for(message, fact.reason, still_news())
    write_down(message, fact, source, at, effect)
    mark_bounced(message, fact.reason, at)
    done = "the address is kept"
    if effect == "alert":
        if not heard_before:
            feed_refusal(message, fact.reason, fact.diagnostic, at)
    # Of somebody who was erased, the address is not known any more; its hash is suppressed already.
    elif message.subscriber_id is not None and not acted_before:
        if effect == "suppress":
            done = give_up(message, fact.reason, fact.diagnostic[:LONGEST] or fact.status)
        elif effect == "score":
            add_point(message, fact.reason, fact.diagnostic or fact.status, at)
            if evidence := enough_points(message):
                done = give_up(message, fact.reason, evidence)
        if effect in ("suppress", "score"):
            look_for_burst(message, fact.reason, at)
    return f"bounced: {fact.reason}; {done}"


def _other(message: Message, fact: Fact, source: str, at: datetime) -> str:
    write_down(message, fact, source, at)
    if fact.kind == "complaint":
        if message.subscriber_id is not None:
            suppress(message.address, Reason.COMPLAINED, evidence=fact.diagnostic, message_id=message.id)
        return "complained; the address is suppressed"
    if fact.kind in ("delivered", "reply") and message.subscriber_id is not None:
        forget_points(message, at)
    return EVENTS[fact.kind]
