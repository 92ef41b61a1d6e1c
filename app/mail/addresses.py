"""Addresses as they go over the wire: domain in A-labels, local part untouched."""

import re
from functools import lru_cache

import idna

from app.core.errors import Invalid

MAX_ADDRESS = 320
MAX_DOMAIN = 253

# Dot-atom (RFC 5322 §3.2.3) widened to UTF-8 (RFC 6532 §3.2), or a quoted string without controls. Dots in odd
# places are let through: such mailboxes exist, and nothing on the wire depends on their absence.
_LOCAL_PART = re.compile(
    r"""[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~\u00a1-\u2027\u202f-\u2fff\u3001-\ud7ff\ue000-\U0010ffff-]+"""
    r"""|"(?:[ !#-\[\]-~]|\\[ -~])+\""""
)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*")


def wire_address(email: str) -> tuple[str, bool]:
    """The address with its domain in A-labels, and whether it needs SMTPUTF8. Raises Invalid if unusable."""
    local, _, domain = email.rpartition("@")
    if len(email) > MAX_ADDRESS or _LOCAL_PART.fullmatch(local) is None:
        raise Invalid(f"{email[:MAX_ADDRESS]!r} is not a mail address; nothing was sent to it. Correct the address.")
    return f"{local}@{a_label(domain)}", not local.isascii()


@lru_cache(maxsize=4096)
def a_label(domain: str) -> str:
    """The domain in ASCII (IDNA 2008 with the mapping of UTS #46). Raises Invalid when it has no such form."""
    try:
        ascii_form = domain if domain.isascii() else idna.encode(domain, uts46=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        ascii_form = ""
    if len(ascii_form) > MAX_DOMAIN or _HOST.fullmatch(ascii_form) is None:
        raise Invalid(f"{domain[:MAX_DOMAIN]!r} is not a mail domain; nothing was sent to it. Correct the domain.")
    return ascii_form
