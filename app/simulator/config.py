"""How a world is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.simulator.moods import ProviderMood
from app.simulator.rates import RATES, Rates
from app.simulator.smtp import Limits


@dataclass(frozen=True)
class WorldConfig:
    """One world. Port 0 takes any free port; `time_scale` is real seconds per second of the world's time."""

    seed: int = 1
    smtp_listen: str = "127.0.0.1:8027"
    page_listen: str = "127.0.0.1:8028"
    bounce_smtp: str = "127.0.0.1:8026"
    """Where delivery reports, complaints and answers go: the sender's mail exchanger."""
    site: str = "http://127.0.0.1:8025"
    """The only site that is ever visited."""
    truth_path: Path | None = None
    time_scale: float = 1.0
    market: str = "us"
    scenario: str = "middle"
    """How busy link scanners are: low, middle or high."""
    quiet: bool = False
    keep_mails: int = 500
    fresh_list: bool = False
    """The list was imported and never mailed: more dead addresses."""
    horizon_hours: float = 168.0
    """What would happen later than this after delivery never happens."""
    variant_header: str = "Subject"
    """Messages alike in this header are one variant, and share its true effect on opens and clicks."""
    forwarded: bool = False
    """Send a made-up X-Forwarded-For, for a site that trusts it."""
    rates: Rates = RATES
    moods: Mapping[str, ProviderMood] = field(default_factory=dict)
    """Provider name → mood."""
    mood_path: Path | None = None
    """A file of moods that is looked at all the time: whoever writes it changes the weather (`weather.py`)."""
    limits: Limits = field(default_factory=Limits)
