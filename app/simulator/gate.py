"""The door of each provider: what it answers to a recipient and to a message.

First the mood and the rate limit, which are about the sender; then greylisting and hiccups, which pass; then the bounce
that was drawn for this address.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.simulator.dice import Dice
from app.simulator.draws import Bounce, Climate, draw_bounce
from app.simulator.moods import WELL, ProviderMood
from app.simulator.providers import Provider, provider_of
from app.simulator.words import Saying, say

GREYLIST = 300.0
HICCUP = 600.0
REMEMBERED = 500_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its reason; `reason` is empty for an acceptance. Without a saying, hang up."""

    saying: Saying | None
    reason: str = ""
    closes: bool = False
    delay: float = 0.0


class Gate:
    """Remembers who knocked when; `now` is the world's own time in seconds."""

    def __init__(self, climate: Climate, now: Callable[[], float], moods: Mapping[str, ProviderMood]) -> None:
        self._climate, self._now = climate, now
        self.moods = dict(moods)
        self._met: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._minute: dict[str, tuple[int, int]] = {}
        self._asked: Counter[str] = Counter()
        self._told: Counter[str] = Counter()

    def at_recipient(self, address: str, sender: str) -> Verdict | None:
        """A refusal for this envelope, or None: go on."""
        provider = provider_of(domain_of(address))
        mood = self.moods.get(provider.name, WELL)
        self._asked[provider.name] += 1
        if mood.refuse:
            return _refusal(provider, mood.refuse, address)
        if self._is_blocked("refused", mood.blocklist, address, sender):
            return _refusal(provider, "blocked", address)
        if _each(mood.defer_every, self._asked[provider.name]) or self._too_fast(provider, mood):
            return _refusal(provider, "limit", address)
        if passing := self._passing(provider, address, sender):
            return _refusal(provider, passing, address)
        bounce = draw_bounce(self._climate, address, sender)
        if bounce in (Bounce.UNKNOWN, Bounce.FULL, Bounce.TROUBLE):
            return _refusal(provider, bounce.value, address)
        return None

    def at_message(self, address: str, sender: str, queue_id: str) -> Verdict:
        """The answer after the final dot."""
        provider = provider_of(domain_of(address))
        mood = self.moods.get(provider.name, WELL)
        self._told[provider.name] += 1
        if _each(mood.drop_every, self._told[provider.name]):
            return Verdict(None, "" if mood.drop_keeps else "dropped", closes=True, delay=mood.accept_delay)
        if self._is_spam(mood, address, sender):
            return Verdict(
                say(provider.name, "spam", address=address, queue_id=queue_id), "spam", delay=mood.accept_delay
            )
        return Verdict(say(provider.name, "accept", address=address, queue_id=queue_id), delay=mood.accept_delay)

    def sends_back(self, address: str, sender: str) -> bool:
        """Whether a message that was taken comes back because of a blocklist."""
        mood = self.moods.get(provider_of(domain_of(address)).name, WELL)
        return self._is_blocked("sent back", mood.blocklist_later, address, sender)

    def _is_blocked(self, where: str, share: float, address: str, sender: str) -> bool:
        return share > 0 and Dice(self._climate.seed, "blocklist", address, sender).chance(where, share)

    def _is_spam(self, mood: ProviderMood, address: str, sender: str) -> bool:
        if mood.spam and Dice(self._climate.seed, "mood", address, sender).chance("spam", mood.spam):
            return True
        return draw_bounce(self._climate, address, sender) is Bounce.SPAM

    def _too_fast(self, provider: Provider, mood: ProviderMood) -> bool:
        minute = int(self._now() // 60)
        last, count = self._minute.get(provider.name, (minute, 0))
        count = count + 1 if last == minute else 1
        self._minute[provider.name] = (minute, count)
        return count > mood.per_minute

    def _passing(self, provider: Provider, address: str, sender: str) -> str:
        dice = Dice(self._climate.seed, "door", address, sender)
        if dice.chance("greylist", provider.greylist * self._climate.rates.greylist):
            return "greylist" if self._too_early(address, sender, GREYLIST) else ""
        if dice.chance("hiccup", self._climate.rates.hiccup):
            return "trouble" if self._too_early(address, sender, HICCUP) else ""
        return ""

    def _too_early(self, address: str, sender: str, wait: float) -> bool:
        now = self._now()
        met = self._met.setdefault((address, sender), now)
        if len(self._met) > REMEMBERED:
            self._met.popitem(last=False)
        return now - met < wait


def domain_of(address: str) -> str:
    """What stands after the last @."""
    return address.rpartition("@")[2]


def _refusal(provider: Provider, what: str, address: str) -> Verdict:
    saying = say(provider.name, what, address=address)
    return Verdict(saying, what, closes=saying.code == 421)


def _each(every: int, count: int) -> bool:
    return every > 0 and count % every == 0
