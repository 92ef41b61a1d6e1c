"""Names of domains: as typed, as DNS has them, as people read them."""

import re

import idna

from app.core.errors import Invalid
from app.mail.addresses import a_label
from app.mail.dkim import record_name

_RESERVED = frozenset({"test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"})
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LONGEST_SELECTOR = "m" * 12


def read_domain(text: str) -> str:
    """The domain in what somebody typed, an address included, in A-labels and lower case. Raises Invalid."""
    typed = text.strip().rpartition("@")[2].rstrip(".").lower()
    try:
        domain = a_label(typed).lower()
        labels = domain.split(".")
        idna.decode(domain)
        record_name(domain, _LONGEST_SELECTOR)
    except (Invalid, idna.IDNAError, UnicodeError):
        labels = []
    if len(labels) < 2 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise Invalid(
            f"{typed[:100]!r} is not a domain that mail can be signed for; nothing was added. "
            "Write what stands after the @ of your sender's address, such as example.com.",
            field="domain",
        )
    return domain


def lineage(domain: str) -> list[str]:
    """The domain and those it lies under, the nearest first; never a top-level domain."""
    labels = domain.lower().split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def is_reserved(domain: str) -> bool:
    """Whether a name is set aside for examples and tests (RFC 2606, RFC 6761): no mail of it reaches anybody."""
    return bool({*lineage(domain), domain.rpartition(".")[2]} & _RESERVED)


def readable(domain: str) -> str:
    """The domain with its letters as people write them."""
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain
