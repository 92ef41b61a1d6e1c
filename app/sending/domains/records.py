"""TXT records: what to publish, and whether what DNS has is the same key."""

from dataclasses import dataclass
from typing import Literal

from app.mail.dkim import record_name
from app.mail.dkim_keys import txt_strings

Finding = Literal["published", "missing", "wrong", "several"]


@dataclass(frozen=True, slots=True)
class Record:
    """A TXT record as its owner puts it into DNS."""

    name: str
    value: str

    @property
    def zone_line(self) -> str:
        """The record for a zone file, its value in strings that fit (RFC 1035 §3.3.14)."""
        strings = "\n".join(f'    "{piece}"' for piece in txt_strings(self.value))
        return f"{self.name}. IN TXT (\n{strings} )"


def key_record(domain: str, selector: str, public: str) -> Record:
    """The record of a key."""
    return Record(record_name(domain, selector), public)


def judge(found: list[str], public: str) -> Finding:
    """What the TXT records at a key's name amount to. Of several, verifiers may take any (RFC 6376 §3.6.2.2)."""
    if not found:
        return "missing"
    if len(found) > 1:
        return "several"
    return "published" if _lets_verify(_tags(found[0]), _tags(public)) else "wrong"


def _lets_verify(found: dict[str, str], ours: dict[str, str]) -> bool:
    """Whether verifiers of mail come to our key by this record (RFC 6376 §3.6.1)."""
    return (
        found.get("v", "DKIM1") == "DKIM1"
        and found.get("k", "rsa") == ours["k"]
        and "".join(found.get("p", "").split()) == ours["p"]
        and "sha256" in _listed(found.get("h", "sha256"))
        and bool({"*", "email"} & _listed(found.get("s", "*")))
    )


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _listed(value: str) -> set[str]:
    return {word.strip() for word in value.split(":")}
