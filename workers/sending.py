"""Jobs of the sending queue: slices of campaigns, recovery, and the system's own mails."""

from app.core.database import every_workspace
from app.sending import engine, lanes, outgoing, recovery
from app.sending.domains.check import check_due
from app.sending.pacing import domains
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


def learn_domains(campaign_id: int) -> None:
    """Find out which mailbox providers a campaign goes to."""
    with job_context(), every_workspace():
        domains.learn_domains(campaign_id)


def send_system_mail(kind: str, row_id: int) -> None:
    """One attempt at a mail of the system."""
    with job_context():
        outgoing.send_outgoing(kind, row_id)


def check_domains() -> None:
    """Look into DNS for the records of signing keys."""
    with job_context():
        check_due()
