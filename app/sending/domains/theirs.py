"""What relays do with our mail whatever we set up: who signs it in the end, and whose name is in the envelope.

Amazon SES writes Date and Message-ID anew by either way in, so a signature over them never arrives whole; SendGrid and
Postmark put the mail together themselves. Each signs with the domain that was verified there (their documentation).
"""

import re

_SIGN_ALONE = frozenset({"ses", "sendgrid", "postmark"})
_SES_SMTP = re.compile(r"(?:.+\.)?email-smtp(?:-fips)?\.(?:.+\.)?amazonaws\.com(?:\.cn)?", re.IGNORECASE)
_OWN_ENVELOPE = (
    *("amazonaws.com", "amazonaws.com.cn", "sendgrid.net", "mailgun.org", "postmarkapp.com", "brevo.com"),
    *("mailjet.com", "sparkpostmail.com"),
)


def signs_alone(kind: str, host: str = "") -> bool:
    """Whether no signature of ours reaches anybody by this transport, so that the relay's own is all there is."""
    return kind in _SIGN_ALONE or (kind == "smtp" and _SES_SMTP.fullmatch(host) is not None)


def replaces_envelope(kind: str, host: str = "") -> bool:
    """Whether receivers see a return address of the relay's own, and ask SPF for that one."""
    return kind != "smtp" or any(host == end or host.endswith("." + end) for end in _OWN_ENVELOPE)
