"""Many events at once: those that name one message by our token, and tell a fact of it."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rq.timeouts import BaseTimeoutException
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.database import db, in_workspace
from app.core.logging import log
from app.messages.models import Message
from app.tracking.acting.facts import Told
from app.tracking.acting.together import act_together
from app.tracking.models import Webhook
from app.tracking.webhooks.finding import number_in_token
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.one_by_one import asks_to_leave, is_about, is_of_the_topic, moment_of, storable_fact
from app.tracking.webhooks.translate.heard import Heard


class Waiting(NamedTuple):
    """A stored event, locked, that was not taken in yet. The body stands last: it is read by itself."""

    id: int
    webhook_id: int
    workspace_id: int
    key: str
    received_at: datetime
    type: str
    body: dict[str, Any]


class Done(NamedTuple):
    """What was made of an event."""

    id: int
    note: str
    message_id: int | None = None


def take_in_together(events: Sequence[Waiting], hooks: Mapping[int, Webhook]) -> list[int]:
    """Act on events and close them, in one transaction that the caller commits; the numbers of those that are left.

    Needs every workspace in scope.
    """
    try:
        with db.session.begin_nested():
            done = _done(events, hooks)
            close_events(done)
    except BaseTimeoutException:
        raise  # the job's time is over: nobody would stop what takes for ever, were it begun once more
    except Exception as error:
        # Undone as a whole; one by one, the event at fault says why.
        if isinstance(error, OperationalError) and error.connection_invalidated:
            raise
        log("webhooks").warning("a batch was undone and goes one by one", error=type(error).__name__)
        done = []
    closed = {one.id for one in done}
    return [event.id for event in events if event.id not in closed]


def close_events(done: Sequence[Done]) -> None:
    """Write down what was made of events that are locked. Needs every workspace in scope."""
    if done:
        rows = json.dumps([one._asdict() for one in done])
        db.session.execute(_CLOSE, {"rows": rows, "now": clock.now()})


# By the numbers of rows that were read under their workspace, or for all of them, and are locked since.
_CLOSE = text(
    """
    UPDATE webhook_events e
    SET handled_at = :now, note = d.note, message_id = coalesce(d.message_id, e.message_id)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d (id bigint, note text, message_id bigint)
    WHERE e.id = d.id AND e.handled_at IS NULL
    """
)


def _done(events: Sequence[Waiting], hooks: Mapping[int, Webhook]) -> list[Done]:
    heard: dict[int, list[tuple[int, Heard, Told]]] = defaultdict(list)
    for event in events:
        if (one := _told(event, hooks[event.webhook_id].kind)) is not None:
            heard[event.workspace_id].append((event.id, *one))
    done: list[Done] = []
    for workspace_id, all_of_it in sorted(heard.items()):
        with in_workspace(workspace_id):
            ones = _of_their_message(all_of_it)
            notes = act_together([one for _number, one in ones])
        done += [Done(ones[place][0], note, ones[place][1].message_id) for place, note in notes.items()]
    return done


def _of_their_message(heard: Sequence[tuple[int, Heard, Told]]) -> list[tuple[int, Told]]:
    """What speaks of the person its message went to. The rest is looked at one by one, where it gets its note."""
    numbers = {told.message_id for _number, _heard, told in heard}
    rows = db.session.execute(select(Message.id, Message.address).where(Message.id.in_(numbers)))
    addresses: dict[int, str] = {row.id: row.address for row in rows}
    return [(number, told) for number, said, told in heard if is_about(addresses.get(told.message_id, ""), said)]


def _told(event: Waiting, kind: str) -> tuple[Heard, Told] | None:
    """The fact of an event; None when there is more to find out, or more to do, than acting on it."""
    if is_of_the_topic(kind, event.type):
        return None
    heard = KINDS[kind].hear(event.type, event.body)
    fact, number = storable_fact(heard, event.key), number_in_token(heard)
    if fact is None or number is None or asks_to_leave(heard):
        return None
    return heard, Told(number, fact, f"webhook:{kind}", moment_of(heard, event.received_at))
