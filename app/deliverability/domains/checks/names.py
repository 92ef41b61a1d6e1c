"""Whether the domains of From and envelope are there for answers: MX and SOA."""

from collections.abc import Callable

from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding, Kind, concluded
from app.deliverability.domains.records.dns import Ask, Problem, fault, note
from app.sending.domains.names import lineage

MOST_HOSTS = 4

Check = Callable[[Facts, Ask], Finding]


def check_mx(kind: Kind, name: str, ask: Ask) -> Finding:
    """Where mail to the domain goes; a null MX says that none is wanted (RFC 7505)."""
    found = ask(name, "MX").values
    hosts = [host_of(text) for text in found]
    real = [host for host in hosts if host]
    if hosts and not real:
        return concluded(kind, found, [fault("mx-null", name=name)])
    if real:
        beside = [fault("mx-null-beside")] if len(real) < len(hosts) else []
        return concluded(kind, found, [*beside, *_dead(name, real, ask)])
    addresses = (*ask(name, "A").values, *ask(name, "AAAA").values)
    if addresses:
        return concluded(kind, addresses, [note("mx-by-address", name=name)])
    return concluded(kind, (), [fault("mx-none", name=name)], missing=True)


def _dead(name: str, hosts: list[str], ask: Ask) -> list[Problem]:
    """One server with an address is enough; of very many, the first speak for all."""
    for host in hosts[:MOST_HOSTS]:
        if ask(host, "A").values or ask(host, "AAAA").values:
            return []
    return [fault("mx-dead", name=name, hosts=", ".join(hosts[:MOST_HOSTS]))]


def check_soa(kind: Kind, name: str, ask: Ask) -> Finding:
    """A zone that is answerable for the name: its own, or one above."""
    answer = ask(name, "SOA")
    if not answer.exists:
        return concluded(kind, (), [fault("soa-no-name", name=name)], missing=True)
    if answer.values or answer.zone:
        return concluded(kind, (answer.zone or name,), [])
    for above in lineage(name)[1:]:
        if ask(above, "SOA").values:
            return concluded(kind, (above,), [])
    return concluded(kind, (), [fault("soa-none", name=name)], missing=True)


def host_of(text: str) -> str:
    """The host of an MX record as text, such as `10 mx.example.com.`; empty in a null MX."""
    return text.split()[-1].rstrip(".").lower() if text.split() else ""
