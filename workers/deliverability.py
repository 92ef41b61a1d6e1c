"""Jobs that look at how our mail stands with receivers."""

from app.deliverability.domains.check import check_due as check_due_records
from app.sending.domains.check import check_due as check_due_keys
from workers.runtime import job_context


def check_domains() -> None:
    """Look into DNS for the records of signing keys."""
    with job_context():
        check_due_keys()


def check_records() -> None:
    """Look into DNS for the other records of senders' domains."""
    with job_context():
        check_due_records()
