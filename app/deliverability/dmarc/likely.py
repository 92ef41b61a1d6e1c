"""Who a source is likely to be: by the keys and envelopes that receivers saw, not by its address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.core.database import db
from app.core.extensions import settings
from app.sending.domains.names import lineage
from app.sending.models import SendingDomain, SigningKey

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
    """`kind`: ours, forwarded, provider or unknown; `name` of a provider. `by_key`: it bears a key of ours."""

    kind: str
    name: str = ""
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """The domain that SPF was for, and whether it holds there: then it does not count for not being the sender's."""

    domain: str = ""
    passes: bool = False


@dataclass(frozen=True, slots=True)
class OurSigns:
    """By what our own mail is known: keys as domain and selector, and the envelope. No address is among them."""

    keys: frozenset[tuple[str, str]]
    bounce_domains: frozenset[str]


def our_signs() -> OurSigns:
    """Those of the workspace in scope."""
    query = select(SendingDomain.domain, SigningKey.selector).join(SigningKey, SigningKey.domain_id == SendingDomain.id)
    keys = frozenset((row.domain, row.selector) for row in db.session.execute(query))
    return OurSigns(keys, settings().bounce_domains)


def likely_of(details: Iterable[Mapping[str, Any] | None], signs: OurSigns) -> Likely:
    """The best guess from what was seen of a source's mail."""
    seen = [each for each in details if each]
    dkim = [result for each in seen for result in each.get("dkim", ())]
    spf = [result for each in seen for result in each.get("spf", ())]
    envelope = next((result["domain"] for result in spf if result["domain"]), "")
    is_signed_here = any(
        result["result"] == "pass" and (result["domain"], result["selector"]) in signs.keys for result in dkim
    )
    vouched = any(result["result"] == "pass" and result["domain"] in signs.bounce_domains for result in spf)
    reasons = {reason for each in seen for reason in each.get("reasons", ())}
    if vouched or (is_signed_here and not (reasons & _FORWARDED or _fails(spf))):
        return Likely("ours", by_key=is_signed_here)
    if is_signed_here or reasons & _FORWARDED:
        # Our signature from a server that is not in SPF: somebody passed our mail on.
        return Likely("forwarded")
    if name := _provider((envelope, *(result["domain"] for result in dkim))):
        return Likely("provider", name)
    return Likely("unknown")


def envelope_of(details: Iterable[Mapping[str, Any] | None]) -> Envelope:
    """The first envelope that was seen; of mail for which SPF did not count."""
    results = (result for each in details if each for result in each.get("spf", ()) if result["domain"])
    return next((Envelope(result["domain"], result["result"] == "pass") for result in results), Envelope())


def _fails(spf: list[Any]) -> bool:
    return bool(spf) and all(result["result"] != "pass" for result in spf)


def _provider(domains: Iterable[str]) -> str:
    names = (name for domain in domains if domain for name in lineage(domain))
    return next((PROVIDERS[name] for name in names if name in PROVIDERS), "")
