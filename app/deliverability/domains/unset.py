"""What must be set before there are names to publish: until then others' names stand in, which nobody may publish."""

from app.deliverability.domains.facts import Facts
from app.sending.stand_ins import bounces_words, name_words

BY_BOUNCES = ("spf", "reports", "mx-bounce", "soa-bounce", "tls")
"""Checks that mean nothing without a bounce domain of ours."""


def needs_bounces(facts: Facts) -> str:
    """What to do when the bounce domain is not ours; empty when it is."""
    return "" if facts.has_bounces else bounces_words(facts.bounce_domain, facts.domain)


def needs_name(facts: Facts) -> str:
    """What to do when this machine has no name in mail; empty when it has one."""
    return "" if facts.is_named else name_words(facts.own_names[0], facts.domain)


def lacks(kind: str, facts: Facts) -> str:
    """The setting without which there is nothing to check or publish for a check; empty when nothing is in the way."""
    if kind in BY_BOUNCES and not facts.has_bounces:
        return "MERPATI_BOUNCE_DOMAIN"
    return "MERPATI_MAIL_DOMAIN" if _names_us(kind, facts) and not facts.is_named else ""


def points_here(kind: str, facts: Facts) -> str:
    """What the machine's own name in a record rests upon; empty where the record has none."""
    if not _names_us(kind, facts) or not facts.is_named:
        return ""
    return (
        f"{facts.own_names[0]} must lead to this machine. It is MERPATI_MAIL_DOMAIN, or, where that is not set, the "
        "host of MERPATI_BASE_URL or the bounce domain. Has the machine another name, set MERPATI_MAIL_DOMAIN to it."
    )


def _names_us(kind: str, facts: Facts) -> bool:
    return kind == "mx-bounce" or (kind == "spf" and any(relay.is_on_this_machine for relay in facts.relays))
