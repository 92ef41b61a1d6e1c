"""SPF records (RFC 7208): the text read into its terms."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, cast

from app.core.errors import Invalid

LONGEST = 4096

Name = Literal["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"]
LOOKING = frozenset({"include", "a", "mx", "ptr", "exists"})
"""Mechanisms that count against the ten (RFC 7208 §4.6.4); so does redirect."""

_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_DIRECTIVE = re.compile(r"([+\-?~]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?![a-z0-9_.-])(.*)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_EXPANDED = r"%\{[slodiphv](?:[1-9][0-9]*)?r?[.\-+,/_=]*\}"
"""The letters c, r and t are for the text that exp= leads to (§7.2); to keep no label at all makes no sense (§7.3)."""
_MACROS = re.compile(rf"%%|%_|%-|{_EXPANDED}", re.IGNORECASE)
_ENDS_WELL = re.compile(rf".*(?:{_EXPANDED}|\.(?![0-9]+\.?\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?)", re.IGNORECASE)
"""A name made of macros ends in one of them or in a top label (§7.1)."""
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+\.?", re.IGNORECASE)
_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")
_CIDR = re.compile(r"(.*?)(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?")


@dataclass(frozen=True, slots=True)
class Directive:
    """A mechanism with its qualifier; `domain` is empty where the record's own is meant."""

    qualifier: str
    name: Name
    domain: str = ""

    @property
    def has_macro(self) -> bool:
        return "%" in self.domain


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """The terms in their order. Nothing behind `all` is ever looked at, a redirect beside it neither (§5.1)."""

    directives: tuple[Directive, ...]
    redirect: str = ""

    @property
    def at_work(self) -> tuple[Directive, ...]:
        ends = next((at for at, each in enumerate(self.directives) if each.name == "all"), len(self.directives))
        return self.directives[: ends + 1]

    @property
    def everybody(self) -> str:
        """The qualifier of `all`; empty without one."""
        return next((each.qualifier for each in self.directives if each.name == "all"), "")


def is_spf(text: str) -> bool:
    """Whether receivers take a TXT record for SPF (§4.5)."""
    return _VERSION.match(text) is not None


def read_spf(text: str) -> SpfRecord:
    """The record. Raises Invalid with the term that no receiver can read."""
    if not is_spf(text) or len(text) > LONGEST:
        raise Invalid("This is not an SPF record: it begins with v=spf1 and a space.")
    directives, modifiers = [], dict[str, str]()
    for term in text[len("v=spf1") :].split(" "):
        if not term:
            continue
        if found := _DIRECTIVE.fullmatch(term):
            directives.append(_directive(term, *found.groups()))
        elif found := _MODIFIER.fullmatch(term):
            _modifier(modifiers, term, found[1].lower(), found[2])
        else:
            raise Invalid(f"“{term[:80]}” is not a term of SPF.")
    return SpfRecord(tuple(directives), modifiers.get("redirect", ""))


def _directive(term: str, qualifier: str, name: str, rest: str) -> Directive:
    kind = cast(Name, name.lower())
    if kind == "all":
        if rest:
            raise Invalid(f"“{term[:80]}”: all takes nothing behind it.")
        return Directive(qualifier or "+", kind)
    if kind in ("ip4", "ip6"):
        _check_network(term, kind, rest)
        return Directive(qualifier or "+", kind)
    if kind in ("include", "exists") and not rest.startswith(":"):
        raise Invalid(f"“{term[:80]}” must name a domain.")
    target = _without_lengths(term, rest) if kind in ("a", "mx") else rest
    if target and (not target.startswith(":") or target == ":"):
        raise Invalid(f"“{term[:80]}” is not a term of SPF.")
    return Directive(qualifier or "+", kind, _domain(term, target[1:]) if target else "")


def _modifier(modifiers: dict[str, str], term: str, name: str, value: str) -> None:
    if name in ("redirect", "exp"):
        if name in modifiers:
            raise Invalid(f"{name}= may stand in a record once (RFC 7208 §6).")
        modifiers[name] = _domain(term, value)
    else:
        _check_macros(term, value)


def _check_network(term: str, kind: str, rest: str) -> None:
    address, slash, length = rest.removeprefix(":").partition("/")
    try:
        if not rest.startswith(":") or (slash and _LENGTH.fullmatch(length) is None):
            raise ValueError(rest)
        if kind == "ip4":
            IPv4Network(rest[1:], strict=False)
        else:
            IPv6Network(rest[1:], strict=False)
    except ValueError:
        raise Invalid(f"“{term[:80]}” is not a network of {kind.upper()}.") from None
    if "%" in address:
        raise Invalid(f"“{term[:80]}” is not a network of {kind.upper()}.")


def _without_lengths(term: str, rest: str) -> str:
    found = _CIDR.fullmatch(rest)
    if found is None or int(found[2] or 0) > 32 or int(found[3] or 0) > 128:
        raise Invalid(f"“{term[:80]}” has a wrong length of prefix.")
    return found[1]


def _domain(term: str, domain: str) -> str:
    if "%" in domain:
        _check_macros(term, domain)
        if _ENDS_WELL.fullmatch(domain) is None:
            raise Invalid(f"“{term[:80]}” does not name a domain.")
    elif len(domain) > 255 or _HOST.fullmatch(domain) is None or domain.rstrip(".").rpartition(".")[2].isdigit():
        raise Invalid(f"“{term[:80]}” does not name a domain.")
    return domain.rstrip(".").lower()


def _check_macros(term: str, text: str) -> None:
    if "%" in _MACROS.sub("", text) or not all("!" <= letter <= "~" for letter in text):
        raise Invalid(f"“{term[:80]}” has a macro that receivers cannot read.")
