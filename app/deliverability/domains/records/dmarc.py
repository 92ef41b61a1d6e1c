"""DMARC records (RFC 9989 §4.7), with an eye for those written for RFC 7489."""

import re
from dataclasses import dataclass

from app.core.errors import Invalid
from app.deliverability.domains.records.dns import Problem, fault, note

POLICIES = ("none", "quarantine", "reject")
GONE = ("pct", "rf", "ri")
"""Tags of RFC 7489 that mean nothing any more."""
LONGEST = 4096

_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_NAME = re.compile(r"[A-Za-z]+")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s,!]+(?:![0-9]+[kmgt]?)?", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:([^@\s,!]+@[A-Za-z0-9.-]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A policy record with its defaults filled in. `sp` and `np` are empty where they are not said.

    `is_void`: receivers apply no DMARC at all because of what its policies say (§4.10.1).
    """

    p: str = "none"
    sp: str = ""
    np: str = ""
    is_test: bool = False
    psd: str = "u"
    adkim: str = "r"
    aspf: str = "r"
    rua: tuple[str, ...] = ()
    is_void: bool = False
    problems: tuple[Problem, ...] = ()

    def policy_for(self, *, at_own_name: bool, exists: bool = True) -> str:
        """What receivers are asked to do with mail that fails (RFC 9989 §4.10.1)."""
        if at_own_name:
            return self.p
        return self.sp or self.p if exists else self.np or self.sp or self.p


def is_dmarc(text: str) -> bool:
    """Whether receivers take a TXT record for DMARC; the version stands first and is never in lower case."""
    return _VERSION.match(text) is not None


def read_dmarc(text: str) -> DmarcRecord:
    """The record; what cannot be read in it counts as not said. Raises Invalid when it is none."""
    if not is_dmarc(text) or len(text) > LONGEST:
        raise Invalid("This is not a DMARC record: it begins with v=DMARC1 and a semicolon.")
    tags, problems = _tags(text)
    problems += [note("dmarc-gone", tag=tag) for tag in GONE if tag in tags]
    if "p" not in tags:
        problems.append(note("dmarc-no-p"))
    addresses = _addresses(tags.get("rua", ""), problems)
    policies = {name: _policy(tags, name, problems) for name in ("p", "sp", "np")}
    # One policy that is none spoils all three: with an address for reports the record stands for p=none, else for
    # nothing. A p= that is not there at all is none (§4.7).
    is_spoiled = any(name in tags and not policies[name] for name in policies)
    is_void = is_spoiled and not any(map(_URI.fullmatch, re.split(r"\s*,\s*", tags.get("rua", ""))))
    if is_void:
        problems.append(fault("dmarc-void"))
    return DmarcRecord(
        p="none" if is_spoiled else policies["p"] or "none",
        sp="" if is_spoiled else policies["sp"],
        np="" if is_spoiled else policies["np"],
        is_test=_one_of(tags, "t", "yn", "n", problems) == "y",
        psd=_one_of(tags, "psd", "ynu", "u", problems),
        adkim=_one_of(tags, "adkim", "rs", "r", problems),
        aspf=_one_of(tags, "aspf", "rs", "r", problems),
        rua=addresses,
        is_void=is_void,
        problems=tuple(problems),
    )


def _tags(text: str) -> tuple[dict[str, str], list[Problem]]:
    tags, problems = dict[str, str](), list[Problem]()
    for part in text.split(";")[1:]:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not name and not equals:
            continue
        if not equals or _NAME.fullmatch(name) is None:
            problems.append(fault("dmarc-syntax", part=part.strip()))
        elif name.lower() in tags:
            problems.append(fault("dmarc-twice", tag=name.lower()))
        else:
            tags[name.lower()] = value
    return tags, problems


def _policy(tags: dict[str, str], name: str, problems: list[Problem]) -> str:
    value = tags.get(name, "").lower()
    if name in tags and value not in POLICIES:
        problems.append(fault("dmarc-value", tag=name, value=tags[name]))
        return ""
    return value


def _one_of(tags: dict[str, str], name: str, letters: str, usual: str, problems: list[Problem]) -> str:
    value = tags.get(name, usual).lower()
    if len(value) == 1 and value in letters:
        return value
    problems.append(fault("dmarc-value", tag=name, value=tags[name]))
    return usual


def _addresses(value: str, problems: list[Problem]) -> tuple[str, ...]:
    found = []
    for uri in filter(None, (piece.strip() for piece in value.split(","))):
        if match := _MAILTO.fullmatch(uri):
            found.append(match[1].lower())
        elif ":" not in uri:
            problems.append(fault("dmarc-rua", value=uri))
    return tuple(found[:20])
