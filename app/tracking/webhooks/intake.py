"""The second half: what was stored becomes facts. Safe beside itself, when repeated, and in any order.

A batch is acted upon together and committed as one; what is odd about some of it is then taken in one by one. So is
what a worker died of while it was reading it, until it is set aside: one event must not stop the others.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import accumulate

from rq.timeouts import BaseTimeoutException
from sqlalchemy import Text, cast, delete, exists, func, select

from app.core import clock
from app.core.database import db, every_workspace
from app.core.extensions import queue
from app.core.logging import log
from app.tracking.models import Webhook, WebhookEvent, WebhookToken
from app.tracking.readings import MOST, Readings
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.one_by_one import KEPT, is_of_the_topic, lock, take_in_one
from app.tracking.webhooks.together import Done, Waiting, close_events, take_in_together

BATCH = 500
OCTETS = 32 * 1024 * 1024
"""Of events that are read at once, unless one alone is longer."""
SHORTEST = timedelta(days=2)
"""How long events are kept at least: a signed call is good for 25 hours, and its repeat is known by its events."""
UNREADABLE = "could not be read: nested too deep; it is kept as it came"
UNREAD = "set aside unread; its reading ended the worker three times, and it is kept as it came"
UNMAPPED = "unmapped"
MOST_TYPES = 50

Unknown = dict[int, Counter[str]]


def is_anything_waiting() -> bool:
    """Whether there are events to take in. Needs every workspace in scope."""
    return bool(db.session.scalar(select(exists().where(WebhookEvent.handled_at.is_(None)))))


def take_in_events(is_to_stop: Callable[[], bool] = lambda: False) -> int:
    """Work through stored events; returns how many. Each batch is committed: what changes a message holds locks.

    Once `is_to_stop`, the batch under way is the last.
    """
    taken = last = 0
    readings = Readings(queue(), WebhookEvent.__tablename__)
    with every_workspace():
        while not is_to_stop() and (batch := _next_batch(last)):
            last = batch[-1]
            died = readings.deaths(batch)
            fresh = [number for number in batch if number not in died]
            with readings.begun(fresh):
                left = _take_in_batch(fresh)
                taken += len(fresh) - len(left)
                db.session.commit()
            for number in sorted([*left, *died]):
                taken += _take_in_alone(number, readings)
    return taken


def forget_old_events(days: int) -> int:
    """Delete events past their time that were taken in, and tokens. Needs every workspace in scope; commits nothing."""
    db.session.execute(delete(WebhookToken).where(WebhookToken.forget_at < clock.now()))
    earliest = clock.now() - max(timedelta(days=days), SHORTEST)
    old = delete(WebhookEvent).where(WebhookEvent.received_at < earliest, WebhookEvent.handled_at.is_not(None))
    return int(db.session.execute(old).rowcount)  # type: ignore[attr-defined]


def _next_batch(last: int) -> list[int]:
    """The next events that nobody else works on, locked."""
    query = select(WebhookEvent.id, func.octet_length(_BODY))
    query = query.where(WebhookEvent.handled_at.is_(None), WebhookEvent.id > last)
    query = query.order_by(WebhookEvent.id).limit(BATCH).with_for_update(skip_locked=True)
    rows = db.session.execute(query).all()
    sums = accumulate(row[1] for row in rows)
    return [row[0] for place, (row, so_far) in enumerate(zip(rows, sums, strict=True)) if not place or so_far <= OCTETS]


_BODY = cast(WebhookEvent.body, Text)


def _take_in_batch(numbers: Sequence[int]) -> list[int]:
    """The numbers of those that are left. The caller commits."""
    events = _load(numbers)
    hooks = _hooks(events)
    return take_in_together(_sort_out(events, hooks), hooks)


def _take_in_alone(number: int, readings: Readings) -> bool:
    """Whether the event is dealt with; commits."""
    if not lock(number):
        db.session.commit()
        return False
    if readings.deaths([number]).get(number, 0) >= MOST:
        close_events([Done(number, UNREAD)])
        log("webhooks").error("an event was set aside: its reading ended the worker three times", number=number)
        db.session.commit()
        readings.forget([number])
        return True
    with readings.begun([number]):
        is_taken = take_in_one(number)
        db.session.commit()
    return is_taken


def _load(numbers: Sequence[int]) -> list[Waiting]:
    """Events that are locked. Each is read by itself: one that cannot be is closed, and must not stop the others."""
    columns = (_BODY if name == "body" else getattr(WebhookEvent, name) for name in Waiting._fields)
    query = select(*columns).where(WebhookEvent.id.in_(numbers)).order_by(WebhookEvent.id)
    events: list[Waiting] = []
    closed: list[Done] = []
    for row in db.session.execute(query):
        try:
            events.append(Waiting._make([*row[:-1], json.loads(row[-1])]))
        except RecursionError:
            log("webhooks").error("an event is nested too deep to be read", number=row[0])
            closed.append(Done(row[0], UNREADABLE))
    close_events(closed)
    return events


def _hooks(batch: list[Waiting]) -> dict[int, Webhook]:
    wanted = {event.webhook_id for event in batch}
    return {hook.id: hook for hook in db.session.scalars(select(Webhook).where(Webhook.id.in_(wanted)))}


def _sort_out(batch: list[Waiting], hooks: dict[int, Webhook]) -> list[Waiting]:
    """Be done with what is of no consequence, and with what nobody here knows; the rest."""
    unknown: Unknown = defaultdict(Counter)
    telling: list[Waiting] = []
    done: list[Done] = []
    for event in batch:
        try:
            meaning = _meaning(event, hooks[event.webhook_id].kind)
        except BaseTimeoutException:
            raise  # the job's time is over: nobody would stop the next one that takes for ever
        except Exception as error:  # noqa: BLE001 - the event is kept whole; the note and the log name the fault
            log("webhooks").error("an event could not be understood", number=event.id, exc_info=error)
            done.append(Done(event.id, f"could not be worked through: {type(error).__name__}"))
            continue
        if meaning not in (UNMAPPED, "kept"):
            telling.append(event)
            continue
        done.append(Done(event.id, UNMAPPED if meaning == UNMAPPED else KEPT))
        if meaning == UNMAPPED:
            unknown[event.webhook_id][event.type] += 1
    close_events(done)
    _count(unknown)
    return telling


def _meaning(event: Waiting, kind: str) -> str:
    return "confirm" if is_of_the_topic(kind, event.type) else KINDS[kind].hear(event.type, event.body).meaning


def _count(unknown: Unknown) -> None:
    """How often a type came that nobody here knows; the owner sees it."""
    for webhook_id, found in unknown.items():
        hook = db.session.scalar(
            select(Webhook).where(Webhook.id == webhook_id).with_for_update().execution_options(populate_existing=True)
        )
        if hook is not None:
            known = Counter(hook.options.get(UNMAPPED, {}))
            known.update(found)
            hook.options = {**hook.options, UNMAPPED: dict(known.most_common(MOST_TYPES))}
