"""Relays that many use: what each asks to be included in SPF."""

INCLUDES = {
    "amazonaws.com": "amazonses.com",
    "sendgrid.net": "sendgrid.net",
    "mailgun.org": "mailgun.org",
    "postmarkapp.com": "spf.mtasv.net",
    "brevo.com": "spf.brevo.com",
    "mailjet.com": "spf.mailjet.com",
    "sparkpostmail.com": "_spf.sparkpostmail.com",
    "google.com": "_spf.google.com",
    "gmail.com": "_spf.google.com",
    "office365.com": "spf.protection.outlook.com",
    "outlook.com": "spf.protection.outlook.com",
    "fastmail.com": "spf.messagingengine.com",
}
"""Each as the provider's own help names it."""


def include_of(host: str) -> str:
    """The domain to include for a relay; empty when we do not know it."""
    return next((name for end, name in INCLUDES.items() if host == end or host.endswith("." + end)), "")
