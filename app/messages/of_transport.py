"""Which deferrals are a transport's own, in SQL, for everyone who counts what mailbox providers do with our mail.

A server that refuses everybody says nothing of those it is asked about. `sending/outcomes.py` keeps their messages and
writes the attempt without the event that else comes with it, at the same moment.
"""


def is_of_transport(attempt: str) -> str:
    """Whether a deferral among `attempts` speaks of the transport alone; `attempt` is its alias.

    That is when nobody answered, when the server does not relay for us, and when it refused whoever it was asked about.
    """
    told = (
        "SELECT FROM events told "
        f"WHERE told.message_id = {attempt}.message_id AND told.at = {attempt}.at "
        "AND told.kind = 'deferred' AND NOT told.data ? 'by'"
    )
    return (
        f"({attempt}.outcome = 'deferred' "
        f"AND ({attempt}.code IS NULL OR {attempt}.reason = 'norelaying' OR NOT EXISTS ({told})))"
    )
