"""Asking DNS for TXT records."""

import dns.exception
import dns.resolver
from flask import current_app

from app.core.errors import TemporaryFailure

SECONDS = 4.0
"""How long one question may take: somebody waits before the page."""

EXTENSION = "merpati.resolver"
"""Where the application may keep a resolver of its own in place of the system's."""


def ask_txt(name: str) -> list[str]:
    """The TXT records at a name, the strings of each joined. Raises TemporaryFailure when DNS does not tell."""
    try:
        answer = _resolver().resolve(name, "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.Timeout as error:
        raise TemporaryFailure(f"DNS did not answer for {name} within {SECONDS:.0f} seconds.") from error
    except (dns.exception.DNSException, OSError) as error:
        raise TemporaryFailure(f"DNS could not say what stands at {name} ({type(error).__name__}).") from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _resolver() -> dns.resolver.Resolver:
    found: dns.resolver.Resolver | None = current_app.extensions.get(EXTENSION)
    return found or dns.resolver.Resolver()
