"""Asking DNS for the checks of one domain: each question once, and no more of them than the checks can need."""

import math
import time

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from flask import current_app

from app.core.errors import TemporaryFailure
from app.deliverability.domains.records.dns import Answer
from app.sending.domains import lookup

MOST = 90
"""Questions on account of one domain. An SPF record as bad as can be takes 60."""
MOST_SILENCES = 2
"""Questions without an answer after which nothing more is asked: somebody waits."""
MOST_VALUES = 200
LONGEST = 4096


OUT_OF_TIME = "The whole look took too long, so this was not asked any more."


class Questions:
    """An `Ask` with a memory, until a moment of the monotonic clock."""

    def __init__(self, until: float = math.inf) -> None:
        self._until = until
        self._known: dict[tuple[str, str], Answer | TemporaryFailure] = {}
        self._silences = 0

    def __call__(self, name: str, kind: str) -> Answer:
        key = (name.lower().rstrip("."), kind)
        if key not in self._known:
            self._known[key] = self._ask(*key)
        known = self._known[key]
        if isinstance(known, TemporaryFailure):
            raise TemporaryFailure(str(known))
        return known

    def _ask(self, name: str, kind: str) -> Answer | TemporaryFailure:
        if self._silences >= MOST_SILENCES:
            return TemporaryFailure("DNS does not answer just now.")
        if len(self._known) >= MOST:
            return TemporaryFailure(f"The records lead to more than {MOST} questions; the rest was not asked.")
        began = time.monotonic()
        if began >= self._until:
            return TemporaryFailure(OUT_OF_TIME)
        try:
            return look_up(name, kind, min(lookup.SECONDS, self._until - began))
        except TemporaryFailure as error:
            # Servers that answer at once that they cannot tell keep nobody waiting: other names may do better.
            self._silences += time.monotonic() - began > lookup.SECONDS / 4
            return error


def look_up(name: str, kind: str, seconds: float) -> Answer:
    """What DNS has. Raises TemporaryFailure when it does not tell in time."""
    resolver = current_app.extensions.get(lookup.EXTENSION) or dns.resolver.Resolver()
    try:
        found = resolver.resolve(name, kind, lifetime=seconds, search=False)
    except dns.resolver.NXDOMAIN:
        return Answer(exists=False)
    except dns.resolver.NoAnswer as error:
        return Answer(zone=_zone(error.kwargs["response"]))
    except (dns.name.LabelTooLong, dns.name.EmptyLabel, dns.name.NameTooLong):
        return Answer(exists=False)
    except dns.exception.Timeout as error:
        raise TemporaryFailure(f"DNS did not answer for {name} within {seconds:.0f} seconds.") from error
    except dns.resolver.NoNameservers as error:
        raise TemporaryFailure(
            f"The name servers for {name} answer with an error, so nobody can tell what stands there."
        ) from error
    except (dns.exception.DNSException, OSError) as error:
        raise TemporaryFailure(f"DNS could not say what stands at {name} ({type(error).__name__}).") from error
    values = tuple(_text(record)[:LONGEST] for record in list(found)[:MOST_VALUES])
    return Answer(tuple(sorted(values)), zone=found.name.to_text(omit_final_dot=True) if kind == "SOA" else "")


def _zone(response: dns.message.Message) -> str:
    """The zone that an empty answer names (RFC 2308 §2.2)."""
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return str(rrset.name.to_text(omit_final_dot=True))
    return ""


def _text(record: object) -> str:
    strings = getattr(record, "strings", None)
    text = b"".join(strings).decode("utf-8", "replace") if strings else str(record)
    # What somebody put into DNS goes into our database and onto our pages.
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
