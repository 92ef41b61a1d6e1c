"""The walk up the tree of names to the organisational domain (RFC 9989 §4.10), without a public suffix list."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.errors import Invalid
from app.deliverability.domains.records.dmarc import DmarcRecord, is_dmarc, read_dmarc
from app.deliverability.domains.records.dns import Ask

MOST_QUERIES = 8
_KEPT_LABELS = 7


@dataclass(frozen=True, slots=True)
class Tree:
    """The records from the domain upwards, and what follows from them.

    `policy_at` is the name whose record holds for the domain; empty: there is none.
    """

    start: str
    organisation: str
    policy_at: str = ""
    record: DmarcRecord | None = None
    text: str = ""
    several_at: tuple[str, ...] = ()
    """Names with more than one record: receivers take none of them."""


def walk_tree(domain: str, ask: Ask) -> Tree:
    """Ask at most eight names. Raises TemporaryFailure as `ask` does: half a walk says nothing."""
    found, several = dict[str, tuple[DmarcRecord, str]](), []
    for name in names_to_ask(domain):
        texts = [text for text in ask(f"_dmarc.{name}", "TXT").values if is_dmarc(text)]
        if len(texts) > 1:
            several.append(name)
        if len(texts) != 1:
            continue
        try:
            found[name] = read_dmarc(texts[0]), texts[0]
        except Invalid:
            continue
        if found[name][0].psd != "u":
            break
    organisation = _organisation(domain, {name: record for name, (record, _text) in found.items()})
    above = next((name for name, (record, _text) in found.items() if name != domain and record.psd == "y"), "")
    at = next((name for name in (domain, organisation, above) if name in found), "")
    record, text = found[at] if at else (None, "")
    return Tree(domain, organisation, at, record, text, tuple(several))


def names_to_ask(domain: str) -> Iterator[str]:
    """The names of the walk: the domain, then its parents, of which long ones are left out (§4.10)."""
    labels = domain.lower().split(".")
    yield ".".join(labels)
    labels = labels[max(1, len(labels) - _KEPT_LABELS) :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def _organisation(domain: str, found: dict[str, DmarcRecord]) -> str:
    for name, record in found.items():
        if record.psd == "n":
            return name
        if record.psd == "y" and name != domain:
            return _below(domain, name)
    return min(found, key=lambda name: name.count("."), default=domain)


def _below(domain: str, parent: str) -> str:
    """The name one label under the parent on the way to the domain."""
    labels = domain.split(".")
    return ".".join(labels[-parent.count(".") - 2 :])
