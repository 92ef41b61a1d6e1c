"""Jobs of sending: slices of campaigns, and what dead workers left behind."""

from app.sending import engine, lanes, recovery
from workers.runtime import job_context


def send_campaign(campaign_id: int, lane: int = 0) -> None:
    """One slice of one lane; while work remains, the next one queues behind the jobs of other campaigns."""
    with job_context():
        if engine.run_slice(campaign_id).has_more:
            lanes.queue_lane(campaign_id, lane)


def send_at_once(campaign_id: int, lane: int = 0) -> None:
    """The same for a transactional campaign, whose queue comes first."""
    send_campaign(campaign_id, lane)


def recover_runs() -> None:
    """Settle what dead workers left behind."""
    with job_context():
        recovery.recover_runs()
