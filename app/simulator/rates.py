"""How often and how fast things happen in the simulated inboxes.

Probabilities are per delivered message unless the name says otherwise. The published figures behind them: bounces,
opens, clicks and unsubscribes from Mailchimp's 2018 and 2019 benchmarks; delays fitted to those of 10
million e-commerce mails; inbox placement from Validity 2026. What nobody publishes is assumed, and says so.
"""

import math
from dataclasses import dataclass

HOUR = 3600.0
LOWEST, HIGHEST = 1e-6, 1 - 1e-4
"""The part of a delay curve that is drawn from; beyond it lie events after years."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A log-logistic delay: half of the events have come after `scale` hours."""

    scale: float
    shape: float

    def share_by(self, hours: float) -> float:
        """The share of all events that has come within so many hours."""
        return 1 / (1 + math.pow(hours / self.scale, -self.shape))

    def seconds(self, uniform: float) -> float:
        """The delay in seconds for a number in [0, 1); the far ends are cut off."""
        u = LOWEST + uniform * (HIGHEST - LOWEST)
        return self.scale * math.pow(u / (1 - u), 1 / self.shape) * HOUR


OPEN = Curve(4.69, 0.873)
CLICK = Curve(3.28, 0.998)
UNSUBSCRIBE = Curve(2.40, 0.95)


@dataclass(frozen=True, slots=True)
class Scanning:
    """The chance that a security gateway follows the links of a message."""

    consumer: float
    corporate: float


SCENARIOS = {"low": Scanning(0.003, 0.02), "middle": Scanning(0.010, 0.08), "high": Scanning(0.03, 0.25)}


@dataclass(frozen=True, slots=True)
class Rates:
    """The chances of one world. Pairs for `dice.lognormal` are (mu, sigma)."""

    hard: float = 0.0040
    hard_fresh: float = 0.03
    """Of addresses on an imported list that was never mailed (assumed)."""
    hard_later: float = 0.2
    """Share of the dead mailboxes whose provider accepts first and returns the mail afterwards (assumed)."""
    soft: float = 0.0061
    soft_full: float = 0.40
    """Shares of the soft bounces (assumed): refused as full, as out of order, as spam; the rest comes back later."""
    soft_trouble: float = 0.20
    soft_spam: float = 0.10
    hiccup: float = 0.003
    """First try answered 451, the next one taken (assumed); not a bounce."""
    greylist: float = 1.0
    """Factor on what each provider greylists; 0 switches it off."""

    never_opens: float = 0.35
    opens_a: float = 1.2
    opens_b: float = 2.234
    click_if_opened: float = 0.128
    click_after_open: tuple[float, float] = (3.2, 1.0)
    """Seconds between opening and clicking."""
    unsubscribe: float = 0.0025
    one_click: float = 0.5
    """Share of the leavers who use the mailbox's own button; the others take the link in the footer (assumed)."""
    complaint: float = 0.00012
    variant: float = 0.10
    """Standard deviation of a variant's effect, in log-odds (assumed)."""

    prefetch: float = 0.85
    """Of the messages to people behind Apple Mail's proxy (assumed)."""
    prefetch_minutes: tuple[float, float] = (2.5, 1.6)
    scan_seconds: tuple[float, float] = (1.6, 1.2)
    scan_every_link: float = 0.7
    scan_unsubscribe: float = 0.5

    vacation: float = 0.002
    """Automatic answers and written ones (both assumed)."""
    answer: float = 0.0005
    return_minutes: tuple[float, float] = (0.5, 1.0)
    """How long a provider that accepted takes to send the mail back (assumed)."""
    blocklist_minutes: tuple[float, float] = (4.1, 0.5)
    """The same where a blocklist is asked only behind the door: about an hour (assumed)."""


RATES = Rates()
