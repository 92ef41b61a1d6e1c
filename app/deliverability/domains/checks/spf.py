"""SPF of the bounce domain, which stands in the envelope of what we send."""

from app.core.errors import Invalid
from app.deliverability.domains.facts import Facts, Relay
from app.deliverability.domains.findings import Finding, concluded
from app.deliverability.domains.records.dns import Ask, Problem, fault, note
from app.deliverability.domains.records.spf import SpfRecord, is_spf, read_spf
from app.deliverability.domains.records.spf_walk import SpfCount, count_lookups
from app.deliverability.domains.relays import include_of


def check_spf(facts: Facts, ask: Ask) -> Finding:
    """One record, readable, with no more lookups than receivers make, and our relay in it."""
    if facts.relays and all(relay.has_own_envelope for relay in facts.relays):
        return Finding("spf", "skipped", problems=(note("spf-by-provider"),))
    found = tuple(text for text in ask(facts.bounce_domain, "TXT").values if is_spf(text))
    if len(found) != 1:
        problem = fault("spf-several" if found else "spf-missing", name=facts.bounce_domain)
        return concluded("spf", found, [problem], missing=not found)
    try:
        record = read_spf(found[0])
    except Invalid as error:
        return concluded("spf", found, [fault("spf-syntax", why=error)])
    count = count_lookups(facts.bounce_domain, record, ask)
    problems = [*count.problems, *_ending(record)]
    problems += [problem for relay in facts.relays for problem in _absent(relay, count)]
    problems.append(note("spf-counted", count=count.lookups))
    return concluded("spf", found, problems)


def spf_to_publish(facts: Facts, finding: Finding | None) -> str:
    """The record's value: what is there with our relays added and without what is dead, or a new one."""
    wanted = list(dict.fromkeys(_term(relay, facts) for relay in facts.relays if not relay.has_own_envelope))
    if finding is None or len(finding.found) != 1 or finding.has("spf-syntax"):
        return " ".join(["v=spf1", *wanted, "~all"])
    dead = {f"include:{dict(each.values)['name']}" for each in finding.problems if each.code == "spf-include-missing"}
    terms = [term for term in finding.found[0].split() if term.lower() not in dead]
    ends = next((at for at, term in enumerate(terms) if term.lower().lstrip("+-~?") == "all"), len(terms))
    last = ["~all" if term.lower() in ("all", "+all") else term for term in terms[ends:]] or ["~all"]
    if "redirect=" in finding.found[0].lower() and ends == len(terms):
        last = []
    return " ".join([*terms[:ends], *(term for term in wanted if term not in terms), *last])


def _term(relay: Relay, facts: Facts) -> str:
    if relay.is_on_this_machine:
        return f"a:{facts.own_names[0]}"
    include = include_of(relay.host)
    return f"include:{include}" if include else f"a:{relay.host}"


def _ending(record: SpfRecord) -> list[Problem]:
    if record.everybody == "+":
        return [fault("spf-everybody")]
    return [] if record.everybody or record.redirect else [note("spf-no-all")]


def _absent(relay: Relay, count: SpfCount) -> list[Problem]:
    if relay.has_own_envelope or relay.is_on_this_machine:
        return []
    if include := include_of(relay.host):
        return [] if include in count.domains else [fault("spf-relay", relay=relay.host, include=include)]
    return [] if relay.host in count.hosts else [note("spf-relay-unseen", relay=relay.host)]
