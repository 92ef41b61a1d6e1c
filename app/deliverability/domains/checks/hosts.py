"""The machines: reverse names of the one that sends, TLS of the one that takes bounces."""

import smtplib
from ipaddress import ip_address

from app.core.settings import host_port
from app.deliverability.domains.checks.names import host_of
from app.deliverability.domains.facts import Facts, Relay
from app.deliverability.domains.findings import Finding, concluded
from app.deliverability.domains.records.dns import Ask, Problem, fault, note
from app.sending.domains import lookup
from app.sending.domains.names import lineage

MOST_ADDRESSES = 4


def check_ptr(facts: Facts, ask: Ask) -> Finding:
    """Forward-confirmed reverse DNS of our own relays; of others' it is their business."""
    hosts = _own_hosts(facts)
    if not hosts:
        local = any(relay.is_on_this_machine for relay in facts.relays)
        return Finding("ptr", "skipped", problems=(note("ptr-local" if local else "ptr-theirs"),))
    found, problems = list[str](), list[Problem]()
    for host in hosts[:MOST_ADDRESSES]:
        addresses = (*ask(host, "A").values, *ask(host, "AAAA").values)[:MOST_ADDRESSES]
        if not addresses:
            problems.append(fault("ptr-no-address", host=host))
        for address in addresses:
            names = ask(ip_address(address).reverse_pointer, "PTR").values
            found += [f"{address} {name}" for name in names]
            problems += _unconfirmed(address, names, ask)
    return concluded("ptr", tuple(found), problems)


def check_tls(facts: Facts, ask: Ask) -> Finding:
    """Whether our own listener for bounces offers STARTTLS. Nobody else's server is ever connected to."""
    hosts = [host_of(text) for text in ask(facts.bounce_domain, "MX").values]
    if not any(host and set(lineage(host)) & set(facts.own_names) for host in hosts):
        return Finding("tls", "skipped", problems=(note("tls-not-checked"),))
    host, port = host_port(facts.bounce_listen)
    place = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, never bound
    try:
        with smtplib.SMTP(place, port, local_hostname="localhost", timeout=lookup.SECONDS) as smtp:
            smtp.ehlo()
            offers = smtp.has_extn("starttls")
    except (OSError, smtplib.SMTPException):
        return Finding("tls", "skipped", problems=(note("tls-no-listener", address=facts.bounce_listen),))
    return concluded("tls", (), [] if offers else [note("tls-none")])


def _own_hosts(facts: Facts) -> list[str]:
    """Our relays by name; of a server beside us it is the machine's own, which its SPF names as well."""
    ours = [relay.host for relay in facts.relays if not relay.is_api and _is_ours(relay, facts)]
    leaves_here = any(relay.is_on_this_machine for relay in facts.relays) and not facts.is_caught
    return list(dict.fromkeys([*ours, *(facts.own_names[:1] if leaves_here and facts.is_named else ())]))


def _is_ours(relay: Relay, facts: Facts) -> bool:
    return not relay.is_on_this_machine and bool(set(lineage(relay.host)) & set(facts.own_names))


def _unconfirmed(address: str, names: tuple[str, ...], ask: Ask) -> list[Problem]:
    if not names:
        return [fault("ptr-none", address=address)]
    kind = "AAAA" if ":" in address else "A"
    if any(address in ask(name, kind).values for name in names[:MOST_ADDRESSES]):
        return []
    return [fault("ptr-not-confirmed", address=address, name=names[0].rstrip("."))]
