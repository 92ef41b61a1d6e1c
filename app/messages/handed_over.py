"""The attempt that an event speaks of, in SQL, for everyone who asks by which transport something came back.

A message that came back and was tried again has gone by two transports, and its own row names only the last.
"""


def is_handed_over(attempt: str) -> str:
    """Whether a row of `attempts` tells of a transport, and not of what somebody decided; `attempt` is its alias."""
    return f"({attempt}.outcome <> 'planned' AND {attempt}.reason NOT IN ('decided', 'evidence'))"


def nearest_first(event: str, attempt: str) -> str:
    """What to order a message's attempts by, so that the one that an event speaks of comes first.

    A refusal met while sending is the attempt of its own moment. Everything else is heard of mail that was taken, or
    may have been: the last before it. A clock that tells the time may be 2 s behind ours.
    """
    met = f"({event}.kind IN ('bounced', 'deferred') AND NOT {event}.data ? 'by')"
    taken = f"{attempt}.outcome IN ('sent', 'uncertain')"
    return (
        f"({met} OR {taken}) DESC, {attempt}.at > {event}.at + interval '2 seconds', "
        f"abs(extract(epoch FROM {attempt}.at - {event}.at)), {attempt}.id DESC"
    )
