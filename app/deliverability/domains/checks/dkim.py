"""The record of the key that signs now, as receivers read it."""

from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding, concluded
from app.deliverability.domains.records.dns import Ask, Problem, fault, note
from app.deliverability.domains.records.keys import is_key, is_test, key_bits
from app.mail.dkim_keys import FEWEST_BITS, NEW_BITS
from app.sending.domains.records import judge


def check_dkim(facts: Facts, ask: Ask) -> Finding:
    """Published, ours, and large enough."""
    if facts.only_relay_signs:
        return Finding("dkim", "skipped", problems=(note("dkim-by-relay"),))
    if not facts.signing:
        return concluded("dkim", (), [fault("dkim-none")], missing=True)
    found = ask(facts.signing, "TXT").values
    verdict = judge(list(found), facts.public)
    sizes = [bits for bits in map(key_bits, found) if bits is not None]
    problems = [fault("dkim-small", bits=bits, fewest=FEWEST_BITS) for bits in sizes if 0 < bits < FEWEST_BITS]
    problems += [note("dkim-short", bits=bits, better=NEW_BITS) for bits in sizes if FEWEST_BITS <= bits < NEW_BITS]
    if verdict == "published" and is_test(found[0]):
        problems.append(note("dkim-test"))
    if verdict == "wrong":
        problems.append(_why_wrong(found[0], facts.signing))
    elif verdict != "published":
        problems.append(fault(f"dkim-{verdict}", name=facts.signing))
    return concluded("dkim", found, problems, missing=verdict == "missing")


def _why_wrong(record: str, name: str) -> Problem:
    if not is_key(record):
        return fault("dkim-no-key", name=name)
    return fault("dkim-revoked" if key_bits(record) == 0 else "dkim-wrong", name=name)
