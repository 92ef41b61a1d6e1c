"""Jobs that look at how our mail stands with receivers."""

from app.deliverability.domains.check import check_due
from workers.runtime import job_context


def check_records() -> None:
    """Look into DNS for the records of senders' domains."""
    with job_context():
        check_due()
