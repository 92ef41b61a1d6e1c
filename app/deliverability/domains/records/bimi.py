"""BIMI records: the logo beside a sender's name."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.core.errors import Invalid

_VERSION = re.compile(r"v\s*=\s*BIMI1\s*(?:;|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BimiRecord:
    """Where the logo is (SVG Tiny PS), and the certificate that says whose it is."""

    logo: str
    certificate: str = ""

    @property
    def is_declined(self) -> bool:
        """Whether the domain says that it wants no logo (draft-brand-indicators §4.3.1)."""
        return not self.logo and not self.certificate


def is_bimi(text: str) -> bool:
    return _VERSION.match(text) is not None


def read_bimi(text: str) -> BimiRecord:
    """The record. Raises Invalid."""
    if not is_bimi(text):
        raise Invalid("This is not a BIMI record: it begins with v=BIMI1 and a semicolon.")
    pairs = (part.partition("=") for part in text.split(";"))
    tags = {name.strip().lower(): value.strip() for name, _, value in pairs}
    record = BimiRecord(tags.get("l", ""), tags.get("a", ""))
    for what, address in (("l", record.logo), ("a", record.certificate)):
        if address and not _is_https(address):
            raise Invalid(f"In the BIMI record, {what}= must be an address that begins with https://.")
    return record


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
