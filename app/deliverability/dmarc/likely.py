"""Who a source is likely to be: by the keys and envelopes that receivers saw, not by its address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.core.database import db
from app.core.extensions import settings
from app.sending.domains.names import lineage
from app.sending.models import SigningKey

PROVIDERS = {
    "amazonses.com": "Amazon SES",
    "sendgrid.net": "SendGrid",
    "mailgun.org": "Mailgun",
    "mtasv.net": "Postmark",
    "sparkpostmail.com": "SparkPost",
    "mailjet.com": "Mailjet",
    "brevo.com": "Brevo",
    "mcsv.net": "Mailchimp",
    "mandrillapp.com": "Mailchimp Transactional",
    "google.com": "Google Workspace",
    "gappssmtp.com": "Google Workspace",
    "onmicrosoft.com": "Microsoft 365",
    "outlook.com": "Microsoft 365",
    "zendesk.com": "Zendesk",
    "salesforce.com": "Salesforce",
    "hubspotemail.net": "HubSpot",
}
_FORWARDED = frozenset({"forwarded", "trusted_forwarder", "mailing_list"})


@dataclass(frozen=True, slots=True)
class Likely:
    """`kind`: ours, forwarded, provider or unknown; `name` of a provider; `envelope`: the domain that SPF was for."""

    kind: str
    name: str = ""
    envelope: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True)
class OurSigns:
    """By what our own mail is known."""

    selectors: frozenset[str]
    bounce_domain: str


def our_signs() -> OurSigns:
    """Those of the workspace in scope."""
    return OurSigns(frozenset(db.session.scalars(select(SigningKey.selector))), settings().bounce_domain.lower())


def likely_of(details: Iterable[Mapping[str, Any] | None], signs: OurSigns) -> Likely:
    """The best guess from what was seen of a source's mail."""
    seen = [each for each in details if each]
    dkim = [result for each in seen for result in each.get("dkim", ())]
    spf = [result for each in seen for result in each.get("spf", ())]
    envelope = next((result["domain"] for result in spf if result["domain"]), "")
    signer = next((result["domain"] for result in dkim if result["domain"]), "")
    is_signed_here = any(result["result"] == "pass" and result["selector"] in signs.selectors for result in dkim)
    vouched = any(result["result"] == "pass" and result["domain"] == signs.bounce_domain for result in spf)
    reasons = {reason for each in seen for reason in each.get("reasons", ())}
    if vouched or (is_signed_here and not (reasons & _FORWARDED or _fails(spf))):
        return Likely("ours", "", envelope, signer)
    if is_signed_here or reasons & _FORWARDED:
        # Our signature from a server that is not in SPF: somebody passed our mail on.
        return Likely("forwarded", "", envelope, signer)
    if name := _provider((envelope, *(result["domain"] for result in dkim))):
        return Likely("provider", name, envelope, signer)
    return Likely("unknown", "", envelope, signer)


def _fails(spf: list[Any]) -> bool:
    return bool(spf) and all(result["result"] != "pass" for result in spf)


def _provider(domains: Iterable[str]) -> str:
    names = (name for domain in domains if domain for name in lineage(domain))
    return next((PROVIDERS[name] for name in names if name in PROVIDERS), "")
