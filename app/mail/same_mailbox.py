"""Whether two spellings of an address are one mailbox, as far as a report lets anybody tell.

Servers name a mailbox in their own ways: at an internal host, with a route, in the form of a directory. A name that
cannot be read as an address names nobody else, and neither does one that was made unreadable on purpose (RFC 6590).
"""

import re
from collections.abc import Iterable

from app.core.errors import Invalid
from app.mail.addresses import a_label
from app.mail.mime import Part
from app.mail.own_words import own_words
from app.mail.recipients import ADDRESS, embedded_characters

ROLES = frozenset(
    ("admin", "contact", "hello", "help", "info", "mail", "marketing", "news", "office", "sales", "service", "support")
)
"""Names that every house has: two of them at two domains are two people."""
MOST = 100
_LONGEST = 64 * 1024
_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_OUR_SENDER = re.compile(r"^(?:X-Postfix-Sender|Original-Mail-From)[ \t]*:[^\n]*", re.IGNORECASE | re.MULTILINE)
_NAMED = re.compile(ADDRESS)
_TYPE = re.compile(r"^(?:rfc822|utf-8|smtp|x400|x500|unknown|ex)[ \t]*[;:][ \t]*", re.IGNORECASE)
_DIRECTORY = re.compile(r"^(?:/[a-z]{1,4}=|IMCEA|[a-z]{1,4}=[^@]*;)", re.IGNORECASE)
# An address wrapped into another: by a forwarder (SRS), by a signature of the sender (BATV), by Prolog and others.
_SRS = re.compile(r"^srs\d[=+-].*=([^=]+)=([^=]+)$", re.IGNORECASE)
_BATV = re.compile(r"^(?:prvs|btv\d)=[^=]+=+(.+)$", re.IGNORECASE)
_REDACTED = re.compile(
    r"(?:redacted|removed|hidden|private|anonymous|anonymi[sz]ed|undisclosed(?:-recipients?)?|recipient|[x*#.\-]{2,})",
    re.IGNORECASE,
)
_HASH = re.compile(r"[A-Za-z0-9+/=_-]{16,}")


def is_same_mailbox(named: str, ours: str) -> bool:
    """Whether a report that names this address may mean ours: the same name, at whichever domain.

    A name that every house has must stand at the same organisation, as far as names of domains tell.
    """
    found, own = _spelling(named), _spelling(ours)
    if found is None or own is None:
        return named.strip().lower() == ours.strip().lower()
    (name, domain), (own_name, own_domain) = found, own
    if name == own_name:
        return name not in ROLES or _is_one_house(domain, own_domain)
    # A guest in somebody's Microsoft directory: name_domain#ext#@tenant.onmicrosoft.com.
    return name.startswith(f"{own_name}_{own_domain}#ext#")


def names_other(named: Iterable[str], ours: str, *, may_hide: bool = False) -> str:
    """The first address that is plainly somebody else's, where none is ours or unreadable; empty where one is.

    `may_hide`: addresses are made unreadable on purpose there, as in feedback reports.
    """
    others = ""
    for address in named:
        hidden = "@" not in address or _spelling(address) is None or (may_hide and _is_redacted(address))
        if hidden or is_same_mailbox(address, ours):
            return ""
        others = others or address
    return others


def named_in_report(mail: Part) -> list[str]:
    """The addresses that a report names in its own words, in its fields and in X-Failed-Recipients.

    The returned mail is no part of that: forwarded or not, it always names whom it was written to.
    """
    reports = "\n".join(part.text[:_LONGEST] for part in mail.walk() if part.content_type in _REPORTS)
    fields = _OUR_SENDER.sub("", reports[:_LONGEST])
    texts = (*mail.header.all("X-Failed-Recipients")[:5], fields, own_words(mail))
    found = (match[0] for text in texts for match in _NAMED.finditer(embedded_characters(text)))
    return list(dict.fromkeys(found))[:MOST]


def _spelling(address: str) -> tuple[str, str] | None:
    """Name without a tag, and domain, as they compare; None for what cannot be read as a mailbox."""
    text = _TYPE.sub("", embedded_characters(address).strip()).strip("<> \t'").lower()
    if not text or _DIRECTORY.match(text):
        return None
    if text.startswith("@"):
        text = text.partition(":")[2]  # a source route (RFC 5321 §4.1.1.3)
    name, _at, domain = text.rpartition("@") if "@" in text else (text, "", "")
    if wrapped := _SRS.match(name):
        domain, name = wrapped[1], wrapped[2]
    elif wrapped := _BATV.match(name):
        name = wrapped[1]
    if "!" in name:
        name = name.rpartition("!")[2]
    if "%" in name:
        name, _percent, domain = name.partition("%")
    name = name.strip('"').partition("+")[0]
    return (name, _domain(domain)) if name else None


def _domain(text: str) -> str:
    try:
        return a_label(text.strip(".")) if text else ""
    except Invalid:
        return text


def _is_one_house(domain: str, own: str) -> bool:
    """An internal name, or names of which one stands within the other or that share all but their first label."""
    if (
        domain == own
        or "." not in domain
        or domain.endswith((".internal", ".local", ".localdomain", ".onmicrosoft.com"))
    ):
        return True
    return domain.endswith(f".{own}") or own.endswith(f".{domain}")


def _is_redacted(address: str) -> bool:
    name, _at, domain = address.strip("<> ").rpartition("@")
    is_hash = _HASH.fullmatch(name) is not None and any(map(str.isdigit, name))
    return not name or is_hash or _REDACTED.fullmatch(name) is not None or domain.lower().startswith("redacted")
