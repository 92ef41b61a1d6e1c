"""The review of the sender's domain: whether receivers would refuse its mail."""

from app.campaigns.findings import SETTINGS, Finding
from app.core.errors import Invalid
from app.deliverability.domains.free_mail import is_reserved
from app.deliverability.domains.verdict import verdict
from app.mail.addresses import a_label

DOMAINS = "domains.index"


def domain_notes(address: str) -> tuple[str, ...]:
    """What was not looked at: silence would read as if all were well."""
    domain = address.rpartition("@")[2].lower()
    if not is_reserved(domain):
        return ()
    return (f"DNS records of {domain}: not checked, reserved domain. Mail from it reaches nobody in the open.",)


def domain_findings(address: str, people: int) -> list[Finding]:
    """What DNS says against sending from this address to so many people."""
    try:
        domain = a_label(address.rpartition("@")[2]).lower()
    except Invalid:
        return []
    return [
        Finding(
            "error" if reason.is_blocking else "warning",
            reason.code,
            reason.message,
            *((SETTINGS, "from_email") if reason.code == "free-mail" else (DOMAINS, "")),
        )
        for reason in verdict(domain, people)
    ]
