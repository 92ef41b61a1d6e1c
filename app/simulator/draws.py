"""What becomes of a message: the draws in their order, without clock or network.

First the bounce, known when the recipient is named; then, for what is delivered, the person (open, click, unsubscribe,
complaint) and apart from the person the machines (prefetching proxies, link scanners).
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from app.simulator.dice import Dice
from app.simulator.providers import Provider, mean_placement
from app.simulator.rates import CLICK, OPEN, RATES, SCENARIOS, UNSUBSCRIBE, Rates


class Bounce(StrEnum):
    """How a message fails for good."""

    UNKNOWN = "unknown"
    UNKNOWN_LATER = "unknown-later"
    FULL = "full"
    TROUBLE = "trouble"
    SPAM = "spam"
    SOFT_LATER = "soft-later"

    @property
    def comes_later(self) -> bool:
        """Accepted first, returned afterwards."""
        return self in (Bounce.UNKNOWN_LATER, Bounce.SOFT_LATER)


@dataclass(frozen=True, slots=True)
class Scan:
    """A security gateway follows links, seconds after delivery."""

    after: float
    every_link: bool
    unsubscribe_too: bool


@dataclass(frozen=True, slots=True)
class Reactions:
    """What a delivered message causes. Times are seconds after delivery; None means never."""

    open: float | None = None
    click: float | None = None
    prefetch: float | None = None
    scan: Scan | None = None
    unsubscribe: float | None = None
    one_click: bool = False
    complaint: float | None = None
    complaint_reported: bool = False
    vacation: float | None = None
    answer: float | None = None


@dataclass(frozen=True, slots=True)
class Climate:
    """What all draws of a world share."""

    seed: int
    market: str = "us"
    scenario: str = "middle"
    fresh_list: bool = False
    rates: Rates = field(default=RATES)


def draw_bounce(climate: Climate, address: str, sender: str) -> Bounce | None:
    """The failure of a message, or None: a dead mailbox stays dead, a soft bounce belongs to this envelope alone."""
    rates = climate.rates
    person = Dice(climate.seed, "mailbox", address)
    if person.chance("dead", rates.hard_fresh if climate.fresh_list else rates.hard):
        return Bounce.UNKNOWN_LATER if person.chance("later", rates.hard_later) else Bounce.UNKNOWN
    message = Dice(climate.seed, "envelope", address, sender)
    if not message.chance("soft", rates.soft):
        return None
    kind = message.uniform("kind")
    for share, bounce in (
        (rates.soft_full, Bounce.FULL),
        (rates.soft_trouble, Bounce.TROUBLE),
        (rates.soft_spam, Bounce.SPAM),
    ):
        if kind < share:
            return bounce
        kind -= share
    return Bounce.SOFT_LATER


def draw_reactions(climate: Climate, provider: Provider, address: str, message_id: str, variant: str = "") -> Reactions:
    """Everything a delivered message will cause; messages of the same `variant` share its effect."""
    rates = climate.rates
    person = Dice(climate.seed, "person", address)
    dice = Dice(climate.seed, "message", address, message_id)
    opened = _opens(climate, provider, person, dice, variant)
    complaint = dice.chance("complaint", rates.complaint)
    leaves = dice.chance("unsubscribe", rates.unsubscribe)
    behind_apple = person.chance("apple", provider.apple) and dice.chance("prefetch", rates.prefetch)
    return Reactions(
        open=opened,
        click=_clicks(climate, dice, opened, variant),
        prefetch=dice.lognormal("prefetch after", *rates.prefetch_minutes) * 60 if behind_apple else None,
        scan=_scan(climate, provider, dice),
        unsubscribe=UNSUBSCRIBE.seconds(dice.uniform("unsubscribe after")) if leaves else None,
        one_click=leaves and dice.chance("one-click", rates.one_click),
        complaint=OPEN.seconds(dice.uniform("complaint after")) if complaint else None,
        complaint_reported=complaint and dice.chance("feedback", provider.feedback),
        vacation=dice.lognormal("vacation after", 1.0, 1.0) if dice.chance("vacation", rates.vacation) else None,
        answer=CLICK.seconds(dice.uniform("answer after")) if dice.chance("answer", rates.answer) else None,
    )


def _opens(climate: Climate, provider: Provider, person: Dice, dice: Dice, variant: str) -> float | None:
    rates = climate.rates
    if person.chance("never opens", rates.never_opens):
        return None
    # Published open rates already count mail that lay in the spam folder: placement only tilts between providers.
    liking = person.beta("opens", rates.opens_a, rates.opens_b) * provider.placement / mean_placement(climate.market)
    if not dice.chance("open", _shifted(liking, climate, variant, "open")):
        return None
    return OPEN.seconds(dice.uniform("open after"))


def _clicks(climate: Climate, dice: Dice, opened: float | None, variant: str) -> float | None:
    rates = climate.rates
    if opened is None or not dice.chance("click", _shifted(rates.click_if_opened, climate, variant, "click")):
        return None
    earliest = opened + dice.lognormal("click after open", *rates.click_after_open)
    return max(earliest, CLICK.seconds(dice.uniform("click after")))


def _scan(climate: Climate, provider: Provider, dice: Dice) -> Scan | None:
    rates, scanning = climate.rates, SCENARIOS[climate.scenario]
    if not dice.chance("scan", scanning.corporate if provider.corporate else scanning.consumer):
        return None
    return Scan(
        after=dice.lognormal("scan after", *rates.scan_seconds),
        every_link=dice.chance("scan every link", rates.scan_every_link),
        unsubscribe_too=dice.chance("scan unsubscribe", rates.scan_unsubscribe),
    )


def variant_effect(climate: Climate, variant: str, on: str) -> float:
    """The true effect of a variant on "open" or "click", in log-odds; 0 without a variant."""
    return Dice(climate.seed, "variant", variant).normal(on) * climate.rates.variant if variant else 0.0


def _shifted(probability: float, climate: Climate, variant: str, on: str) -> float:
    effect = variant_effect(climate, variant, on)
    if not effect or not 0 < probability < 1:
        return probability
    return 1 / (1 + (1 - probability) / probability * math.exp(-effect))
