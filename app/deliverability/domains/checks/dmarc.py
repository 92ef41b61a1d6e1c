"""DMARC of the From domain, alignment with what we send, and whether reports arrive."""

from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding, concluded
from app.deliverability.domains.records.dmarc import is_dmarc
from app.deliverability.domains.records.dns import Ask, Problem, fault, note
from app.deliverability.domains.records.tree import Tree, walk_tree

MOST_ADDRESSES = 5


def check_dmarc(facts: Facts, ask: Ask) -> Finding:
    """A policy for the domain, its own or one from above."""
    tree = walk_tree(facts.domain, ask)
    several = [fault("dmarc-several", name=f"_dmarc.{name}") for name in tree.several_at]
    if tree.record is None:
        return concluded("dmarc", (), several or [fault("dmarc-missing", name=facts.domain)], missing=not several)
    exists = tree.policy_at == facts.domain or ask(facts.domain, "SOA").exists
    policy = tree.record.policy_for(at_own_name=tree.policy_at == facts.domain, exists=exists)
    problems = [*several, *tree.record.problems]
    if not tree.record.is_void:
        problems.append(note(f"dmarc-policy-{policy}"))
    if tree.policy_at != facts.domain:
        problems.append(note("dmarc-from-above", name=tree.policy_at))
    if tree.record.is_test:
        problems.append(note("dmarc-test"))
    return concluded("dmarc", (tree.text,), problems)


def check_alignment(facts: Facts, ask: Ask) -> Finding:
    """Whether the domain in From is the one that SPF and DKIM vouch for (RFC 9989 §4.4)."""
    tree = walk_tree(facts.domain, ask)
    if tree.record is None:
        return Finding("alignment", "skipped", problems=(note("align-no-dmarc"),))
    problems = []
    by_spf = facts.own_envelope and is_aligned(facts.domain, facts.bounce_domain, tree.record.aspf, ask)
    by_dkim = not facts.only_relay_signs and bool(facts.signing)
    by_dkim = by_dkim and is_aligned(facts.domain, facts.signs_as, tree.record.adkim, ask)
    if by_spf:
        problems.append(note("align-spf", name=facts.bounce_domain))
    else:
        problems.append(_not_by_spf(facts, ask))
    if by_dkim:
        problems.append(note("align-dkim", name=facts.signs_as))
    if tree.record.adkim == "s":
        problems.append(note("align-strict-dkim"))
    if not by_spf and not by_dkim:
        problems.append(note("align-unknown") if facts.relay_signs else fault("align-none", name=facts.domain))
    return concluded("alignment", (tree.organisation,), problems)


def is_aligned(domain: str, other: str, mode: str, ask: Ask) -> bool:
    """Strict: the same name. Relaxed: the same organisational domain."""
    if domain == other or mode == "s":
        return domain == other
    return walk_tree(domain, ask).organisation == walk_tree(other, ask).organisation


def check_reports(facts: Facts, ask: Ask) -> Finding:
    """Where receivers send their reports, and whether that place has agreed to get them (RFC 9990 §4)."""
    tree = walk_tree(facts.domain, ask)
    if tree.record is None:
        return Finding("reports", "skipped", problems=(note("align-no-dmarc"),))
    addresses = tree.record.rua[:MOST_ADDRESSES]
    problems = [problem for address in addresses for problem in _not_agreed(tree, address, ask)]
    if not addresses:
        problems.append(note("rua-none"))
    elif facts.report_address not in addresses:
        problems.append(note("rua-elsewhere", address=facts.report_address))
    return concluded("reports", addresses, problems)


def needs_agreement(facts: Facts, ask: Ask) -> bool:
    """Whether reports about the domain to our address need a record at our bounce domain."""
    return not is_aligned(facts.domain, facts.bounce_domain, "r", ask)


def _not_by_spf(facts: Facts, ask: Ask) -> Problem:
    if not facts.own_envelope:
        return note("align-spf-provider")
    is_relaxed = is_aligned(facts.domain, facts.bounce_domain, "r", ask)
    return note("align-spf-strict" if is_relaxed else "align-spf-foreign", name=facts.bounce_domain)


def _not_agreed(tree: Tree, address: str, ask: Ask) -> list[Problem]:
    host = address.rpartition("@")[2]
    if is_aligned(tree.policy_at, host, "r", ask):
        return []
    name = f"{tree.policy_at}._report._dmarc.{host}"
    agreed = any(is_dmarc(text) for text in ask(name, "TXT").values)
    return [] if agreed else [fault("rua-not-agreed", address=address, name=name)]
