"""Jobs of incidents."""

from app.tracking.incidents.carrying_out import carry_out
from workers.runtime import job_context
from workers.tracking import told_to_stop


def carry_out_decision(incident_id: int) -> None:
    """What an owner decided about a burst of thousands; the minute's look queues it again until it is done."""
    with job_context(), told_to_stop() as told:
        carry_out(incident_id, told.is_set)
