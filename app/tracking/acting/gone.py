"""Whether a domain is gone: our own resolver has to say so before an address is given up."""

import dns.exception
import dns.resolver
from flask import current_app

SECONDS = 4.0
EXTENSION = "merpati.resolver"
"""Where the application may keep a resolver of its own in place of the system's."""


def is_gone(domain: str) -> bool:
    """Whether the name does not exist (NXDOMAIN). A server that fails or stays silent says nothing of the kind."""
    found: dns.resolver.Resolver | None = current_app.extensions.get(EXTENSION)
    try:
        (found or dns.resolver.Resolver()).resolve(domain, "MX", lifetime=SECONDS, search=False)
    except dns.resolver.NXDOMAIN:
        return True
    except (dns.exception.DNSException, OSError):
        return False
    return False
