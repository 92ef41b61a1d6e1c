"""Jobs of the queue that overtakes all others: the system's own mails.

Apart from the slices of campaigns, whose workers need not load what it takes to write a mail from a template.
"""

from app.sending import outgoing
from app.sending.system_mails import register_composer
from app.tracking.replies.forwarding import FORWARD, compose_reply
from workers.runtime import job_context

# Sending and tracking do not know each other: here a reply that goes on becomes one of the system's mails.
register_composer(FORWARD, compose_reply)


def send_system_mail(kind: str, row_id: int) -> None:
    """One attempt at a mail of the system."""
    with job_context():
        outgoing.send_outgoing(kind, row_id)
