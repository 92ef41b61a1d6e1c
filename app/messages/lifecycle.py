"""The life of a message: every allowed change of state on one page.

    planned ──────► sending ──► sent ──► bounced        (a bounce came later)
       │              │ ├─────► deferred ──► sending    (tried again on the schedule)
       │              │ ├─────► bounced                 (refused for good by the receiving server)
       │              │ ├─────► failed                  (could not be rendered, or its time ran out)
       │              │ ├─────► skipped                 (suppressed or unsubscribed between claim and hand-over)
       │              │ ├─────► planned                 (claimed but never begun: given back)
       │              │ └─────► uncertain ──► sent, bounced, planned (by evidence, or by the operator's choice)
       └────────────► skipped                           (cancelled)
    failed, bounced, skipped ──► planned                (tried again, since somebody chose so: campaigns/second_try.py)

`skipped` at launch bears its reason at once: held-out, suppressed, unconfirmed, duplicate, excluded, invalid.
"""

from enum import StrEnum


class State(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"


ARROWS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.SENDING, State.SKIPPED}),
    State.SENDING: frozenset(
        {
            State.SENT,
            State.DEFERRED,
            State.BOUNCED,
            State.FAILED,
            State.SKIPPED,
            State.PLANNED,
            State.UNCERTAIN,
        }
    ),
    State.DEFERRED: frozenset({State.SENDING, State.SKIPPED, State.FAILED}),
    State.SENT: frozenset({State.BOUNCED}),
    State.UNCERTAIN: frozenset({State.SENT, State.BOUNCED, State.PLANNED}),
    # Only by the operator's choice to try again; never by a worker.
    State.FAILED: frozenset({State.PLANNED}),
    State.BOUNCED: frozenset({State.PLANNED}),
    State.SKIPPED: frozenset({State.PLANNED}),
}

OPEN = frozenset({State.PLANNED, State.SENDING, State.DEFERRED})
"""A campaign with a message in one of these is not finished. `uncertain` does not hold it up: it waits for a person."""


class Skip(StrEnum):
    """Why somebody considered got nothing."""

    HELD_OUT = "held-out"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    UNCONFIRMED = "unconfirmed"
    EXCLUDED = "excluded"
    CANCELLED = "cancelled"
    FREQUENCY = "frequency"
    TOO_SOON = "too-soon"


def may_become(state: State, after: State) -> bool:
    """Whether a message in `state` may turn into `after`."""
    return after in ARROWS[state]


def sources(after: State) -> list[State]:
    """The states from which a message may turn into `after`; for the WHERE of an UPDATE."""
    return [state for state, targets in ARROWS.items() if after in targets]
