"""E-mail addresses: what a person typed becomes one spelling and one key (RFC 5321 §4.1.2; IDNA by UTS 46)."""

import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import unquote

import idna

from app.core.errors import Invalid

MAX_LOCAL = 64
"""Octets before the @ (RFC 5321 §4.5.3.1.1)."""
MAX_ADDRESS = 254
"""Octets of the whole: a path of 256 less its brackets (RFC 5321 §4.5.3.1.3)."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)").fullmatch
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}").fullmatch
_DOTTED = re.compile(rf"{_ATOM}(?:\.{_ATOM})*").fullmatch
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\U0010ffff]|\\[ -~])+"').fullmatch
_NAMED = re.compile(r"[^<>]*<([^<>]*)>").fullmatch
_EDGES = " \t\r\n\v\f;,\u00a0\u200b\u200e\u200f\u202f\u2060\ufeff"
"""What clings to addresses copied from mails, web pages and spreadsheets."""


@dataclass(frozen=True, slots=True)
class Address:
    """`email` as the person wrote it, with the domain in ASCII; `address` is the key: the same in lower case."""

    email: str
    address: str


def normalise(text: str) -> Address:
    """The address in a text: alone, as `Ann <ann@example.com>` or as a `mailto:` link. Raises Invalid, saying why."""
    plain = _PLAIN(text)
    if plain is None or len(text) > MAX_ADDRESS or len(plain[1]) > MAX_LOCAL:
        return _carefully(text)
    return Address(text, text.lower())


def address_hash(key: bytes, address: str) -> bytes:
    """How suppressions and consent know an address. In SQL: `sha256(address_key || convert_to(address, 'UTF8'))`."""
    return sha256(key + address.encode()).digest()


def mask(address: str) -> str:
    """An address that people may see without learning it: `a…@example.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _carefully(text: str) -> Address:
    bare = _unwrapped(text)
    if not bare:
        raise Invalid("The address is empty.", field="email")
    local, at, domain = bare.rpartition("@")
    if not at:
        raise Invalid("The address has no @.", field="email")
    _check_local(local)
    email = f"{local}@{_ascii_domain(domain)}"
    if len(email) > MAX_ADDRESS:
        raise Invalid(f"The address is longer than {MAX_ADDRESS} characters.", field="email")
    return Address(email, email.lower())


def _unwrapped(text: str) -> str:
    bare = text.strip(_EDGES)
    if bare[:7].lower() == "mailto:":
        bare = unquote(bare[7:].partition("?")[0]).strip(_EDGES)
    if named := _NAMED(bare):
        bare = named[1].strip(_EDGES)
    return bare.replace("＠", "@")


def _check_local(local: str) -> None:
    if _DOTTED(local) or _QUOTED(local):
        if len(local) > MAX_LOCAL:
            raise Invalid(f"The address has more than {MAX_LOCAL} characters before the @.", field="email")
        return
    if not local:
        reason = "has nothing before the @"
    elif "@" in local:
        reason = "has more than one @; write one address at a time"
    elif any(character.isspace() for character in local):
        reason = "has a space before the @"
    elif not local.isascii():
        reason = "has a letter before the @ that is not ASCII; not every mail server takes those"
    elif local.startswith(".") or local.endswith(".") or ".." in local:
        reason = "has a dot too many before the @"
    else:
        reason = "has a character before the @ that is not allowed there"
    raise Invalid(f"The address {reason}.", field="email")


def _ascii_domain(domain: str) -> str:
    domain = domain.removesuffix(".")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            raise Invalid("The address has a domain that cannot exist.", field="email") from None
    if _DOMAIN(domain) and not domain.rpartition(".")[2].isdigit():
        return domain
    if not domain:
        reason = "has nothing after the @"
    elif domain.startswith("["):
        reason = "names a machine by its number instead of a domain"
    elif any(character.isspace() for character in domain):
        reason = "has a space after the @"
    elif "." not in domain:
        reason = "has a domain with no dot"
    elif domain.startswith(".") or ".." in domain:
        reason = "has a dot too many after the @"
    elif domain.rpartition(".")[2].isdigit():
        reason = "has a domain that ends in a number"
    else:
        reason = "has a domain with a character or a length that is not allowed"
    raise Invalid(f"The address {reason}.", field="email")
