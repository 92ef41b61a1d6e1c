"""Jobs of the queue that overtakes all others: the system's own mails.

Apart from the slices of campaigns, whose workers need not load what it takes to write a mail from a template.
"""

from flask import Flask
from flask_babel import Babel

from app.core.times import configure_times
from app.deliverability.guard.resting import held_transport, resting_lanes
from app.sending import outgoing
from app.sending.system_mails import register_composer
from app.tracking.incidents.notices import compose_notice
from app.tracking.incidents.telling import INCIDENT
from app.tracking.replies.forwarding import FORWARD, compose_reply
from workers.runtime import job_context

# Sending and tracking do not know each other: here replies that go on and news of incidents become the system's mails.
register_composer(FORWARD, compose_reply)
register_composer(INCIDENT, compose_notice)


def send_system_mail(kind: str, row_id: int) -> None:
    """One attempt at a mail of the system."""
    with job_context() as app:
        _learn_to_speak(app)
        outgoing.send_outgoing(kind, row_id)


def _learn_to_speak(app: Flask) -> None:
    """A worker has no pages, but some mails are written in their words."""
    if "babel" not in app.extensions:
        Babel(app, default_translation_directories="translations")
        configure_times(app)
        # The sentences about a lane ask these.
        app.jinja_env.globals.update(held_transport=held_transport, resting_lanes=resting_lanes)
