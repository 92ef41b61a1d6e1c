"""What a receiver asks DNS on account of an SPF record, counted as RFC 7208 §4.6.4 counts."""

import re
from dataclasses import dataclass, field

from app.core.errors import Invalid
from app.deliverability.domains.records.dns import Answer, Ask, Problem, fault, note
from app.deliverability.domains.records.spf import LOOKING, Directive, SpfRecord, is_spf, read_spf

MOST_LOOKUPS = 10
MOST_VOIDS = 2
MOST_EXCHANGES = 10
"""Mail servers behind one mx."""
FURTHEST = 30
"""Terms after which the count ends: the record has failed long before."""

_OF_DOMAINS = re.compile(r"%\{([do])(\d*)(r?)([.\-+,/_=]*)\}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpfCount:
    """Terms that look something up, lookups that find nothing, and the domains whose records take part."""

    lookups: int
    voids: int
    domains: tuple[str, ...]
    hosts: tuple[str, ...]
    """The names in a: terms."""
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Walk:
    ask: Ask
    lookups: int = 0
    voids: int = 0
    domains: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    start: str = ""
    """The domain of the envelope, which macros may name."""

    @property
    def is_over(self) -> bool:
        return self.lookups >= FURTHEST


def count_lookups(domain: str, record: SpfRecord, ask: Ask) -> SpfCount:
    """Follow every term, as for a mail that none of them lets through. Raises TemporaryFailure as `ask` does."""
    walk = _Walk(ask, start=domain)
    _follow(walk, domain, record)
    problems = list(dict.fromkeys(walk.problems))
    if walk.lookups > MOST_LOOKUPS:
        problems.append(fault("spf-lookups", count=f"{walk.lookups}{'+' if walk.is_over else ''}", most=MOST_LOOKUPS))
    elif walk.voids > MOST_VOIDS:
        problems.append(fault("spf-voids", count=walk.voids, most=MOST_VOIDS))
    return SpfCount(walk.lookups, walk.voids, tuple(walk.domains), tuple(walk.hosts), tuple(problems))


def _follow(walk: _Walk, domain: str, record: SpfRecord) -> None:
    walk.domains.append(domain)
    for term in record.at_work:
        if term.name in LOOKING and not walk.is_over:
            walk.lookups += 1
            _look(walk, domain, term)
    if record.redirect and not record.everybody and not walk.is_over:
        walk.lookups += 1
        _enter(walk, spelled_out(record.redirect, domain, walk.start), domain)


def _look(walk: _Walk, domain: str, term: Directive) -> None:
    target = spelled_out(term.domain, domain, walk.start) or domain
    if term.name == "ptr":
        walk.problems.append(note("spf-ptr"))
    elif "%" in target:
        walk.problems.append(note("spf-macro", term=f"{term.name}:{term.domain}"))
    elif term.name == "include":
        _enter(walk, target, domain, lets=term.qualifier)
    elif walk.lookups <= MOST_LOOKUPS:
        # Behind the tenth the record has failed, whatever is there.
        if term.name == "a":
            walk.hosts.append(target)
        walk.voids += _is_void(walk, target, term.name)


def _enter(walk: _Walk, target: str, domain: str, *, lets: str = "") -> None:
    if "%" in target:
        walk.problems.append(note("spf-macro", term=target))
        return
    answer = walk.ask(target, "TXT")
    walk.voids += not answer.values
    records = [text for text in answer.values if is_spf(text)]
    if len(records) != 1:
        walk.problems.append(fault("spf-include-several" if records else "spf-include-missing", name=target, by=domain))
        return
    try:
        record = read_spf(records[0])
    except Invalid as error:
        walk.problems.append(fault("spf-include-syntax", name=target, why=error))
        return
    if lets == "+" and record.everybody == "+":
        walk.problems.append(fault("spf-include-everybody", name=target))
    _follow(walk, target, record)


def spelled_out(text: str, domain: str, start: str) -> str:
    """A name whose macros are the domain (d) or that of the envelope (o), the same for every mail; others stay."""
    return _OF_DOMAINS.sub(lambda found: _expanded(found, domain if found[1] in "dD" else start), text)


def _expanded(found: re.Match[str], name: str) -> str:
    """Split at the delimiters, turned round, of that the last so many labels (RFC 7208 §7.3)."""
    _letter, digits, turned, delimiters = found.groups()
    parts = re.split("[" + re.escape(delimiters or ".") + "]", name)
    parts = parts[::-1] if turned else parts
    return ".".join(parts[-int(digits) :] if digits else parts)


def _is_void(walk: _Walk, name: str, kind: str) -> bool:
    ask = walk.ask
    answer: Answer = ask(name, "MX" if kind == "mx" else "A")
    if kind == "mx" and len(answer.values) > MOST_EXCHANGES:
        walk.problems.append(fault("spf-mx-many", name=name, most=MOST_EXCHANGES))
    # A receiver asks for the family of the address that mails it; of the two, one is enough here.
    return not answer.values and (kind == "mx" or kind == "exists" or not ask(name, "AAAA").values)
