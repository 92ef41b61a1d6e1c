"""Asking DNS for TXT records."""

import math
import time

import dns.exception
import dns.resolver
from flask import current_app

from app.core.errors import TemporaryFailure

SECONDS = 4.0
"""How long one question may take: somebody waits before the page."""

EXTENSION = "merpati.resolver"
"""Where the application may keep a resolver of its own in place of the system's."""


def ask_txt(name: str, until: float = math.inf) -> list[str]:
    """The TXT records at a name, the strings of each joined. Raises TemporaryFailure when DNS does not tell.

    `until`: a moment of the monotonic clock after which nothing is waited for.
    """
    seconds = min(SECONDS, until - time.monotonic())
    if seconds <= 0:
        raise TemporaryFailure(f"The whole look took too long, so {name} was not asked for any more.")
    try:
        answer = _resolver().resolve(name, "TXT", lifetime=seconds, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.Timeout as error:
        raise TemporaryFailure(f"DNS did not answer for {name} within {seconds:.0f} seconds.") from error
    except (dns.exception.DNSException, OSError) as error:
        raise TemporaryFailure(f"DNS could not say what stands at {name} ({type(error).__name__}).") from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _resolver() -> dns.resolver.Resolver:
    found: dns.resolver.Resolver | None = current_app.extensions.get(EXTENSION)
    return found or dns.resolver.Resolver()
