"""The limits of one run: which providers are slowed, what waits for them, what may go now. Nothing here waits."""

import random
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping

from app.sending.pacing.buckets import Cut, Grant, Want
from app.sending.pacing.reactions import Ask, Signal
from app.sending.pacing.rules import rule_of
from app.sending.parcel import Parcel

WINDOW = 2.0
"""Seconds over which is measured what a provider takes that has no limit yet."""
STOCK = 1.0
"""Seconds of work that a run claims ahead for a limited provider."""
MOST_STOCK = 500
FEW = 5
"""Faults that may mean us, after which they do, where they are a tenth of all answers."""
BLOCKS = 3
"""Refusals of the sender for good after which a provider's lane is held."""
BASE_HOLD = 30.0
JITTER = 20.0


Told = tuple[list[Cut], dict[str, float], dict[str, Want]]


class Limit:
    """One limited provider, seen from one run."""

    __slots__ = (
        "cap", "dry_until", "held_until", "in_flight", "members", "provider", "queued", "rate", "ready", "round",
        "share", "since", "slots", "taken", "tokens", "waiting", "why",
    )  # fmt: skip

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.rate: float | None = None
        self.slots: int | None = None
        self.share: int | None = None
        self.tokens = 0.0
        self.held_until = 0.0
        self.round = 0
        self.members = 1
        self.why, self.since = "", 0.0
        self.cap: int | None = None
        self.in_flight = self.queued = self.taken = 0
        self.dry_until = 0.0
        self.waiting: deque[Parcel] = deque()
        self.ready: deque[Parcel] = deque()

    @property
    def stock(self) -> int:
        """Claimed messages of it that were not begun."""
        return len(self.waiting) + len(self.ready) + self.queued

    def has_room(self, now: float) -> bool:
        """Whether one more may go."""
        return (
            now >= self.held_until
            and (self.share is None or self.in_flight < self.share)
            and (self.rate is None or self.tokens >= 1.0)
            and (self.cap is None or self.cap > 0)
        )

    def next_in(self, now: float) -> float:
        """Seconds until something may go, as far as can be told."""
        if self.cap is not None and self.cap <= 0:
            return 60.0
        if now < self.held_until:
            return self.held_until - now
        return 0.0 if self.rate is None or self.tokens >= 1.0 else (1.0 - self.tokens) / max(self.rate, 1e-9)

    def flows(self, now: float) -> bool:
        """Whether it goes on well enough for a run to stay with it."""
        return self.next_in(now) <= 1.0 and (self.rate is None or self.rate >= 1.0)

    def allowance(self, now: float) -> int:
        """How many more may be made ready."""
        if now < self.held_until:
            return 0
        most = MOST_STOCK if self.rate is None else int(self.tokens)
        if self.share is not None:
            most = min(most, 3 * self.share)
        if self.cap is not None:
            most = min(most, self.cap)
        return max(0, most - len(self.ready) - self.queued)

    def target(self, now: float) -> int:
        """How many claimed messages a run should have of it."""
        if now < self.held_until - 0.5:
            return 0
        most = MOST_STOCK if self.rate is None else int(self.rate / self.members * STOCK) + 1
        if self.share is not None:
            # One without a share shows that it wants one by having messages.
            most = min(most, 30 * max(self.share, 1))
        if self.cap is not None:
            most = min(most, max(self.cap, 0))
        return min(most, MOST_STOCK)


class Limits:
    """All limits of a run, and what it has seen of the providers since it last told."""

    def __init__(self, workers: int = 1, scale: float = 1.0) -> None:
        self.by_provider: dict[str, Limit] = {}
        self.accepted: Counter[str] = Counter()
        """Messages that providers took since the last `look`; unlimited ones as well."""
        self.cuts: list[Cut] = []
        self.starts: dict[str, float] = {}
        self._workers, self._scale = max(workers, 1), scale
        self._history: deque[tuple[float, Counter[str]]] = deque()
        self._maybes: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._blocks: Counter[str] = Counter()
        self._alone_since = 0.0
        self._reported_at = 0.0
        self.heard_at = 0.0
        """The moment of the latest report that was answered: what came to a run later, no bucket has been asked for."""

    def of(self, provider: str) -> Limit:
        """The limit of a provider, new if need be."""
        limit = self.by_provider.get(provider)
        if limit is None:
            limit = self.by_provider[provider] = Limit(provider)
        return limit

    def know(self, providers: Iterable[str]) -> None:
        """These have a rate from the first message on."""
        for provider in providers:
            if (rate := rule_of(provider).rate) is not None:
                self.starts[provider] = self.of(provider).rate = rate

    def hear(self, parcel: Parcel, signal: Signal, words: str, lines: int) -> float:
        """A refusal that asks for something. Returns the seconds after which its message may be tried; 0: no word.

        `lines`: on how many lines that provider's messages were under way. What this run knows holds at once; Valkey
        hears of it with the next exchange.
        """
        provider, ask, now = parcel.provider, signal.ask, time.monotonic()
        if ask is Ask.MAYBE:
            self._maybes[provider] += 1
            most = max(FEW, (self._answers[provider] + self.accepted[provider]) / 10)
            if self._maybes[provider] < most:
                return 0.0
            ask = Ask.SLOWER
        if ask is Ask.BLOCK:
            self._blocks[provider] += 1
            if self._blocks[provider] < BLOCKS and provider not in self.by_provider:
                return 0.0
        limit = self.by_provider.get(provider)
        if limit is None or (parcel.round >= limit.round and not self._is_to_be_told(provider)):
            limit = self._cut(limit or self.of(provider), ask, signal.rest, parcel.round, words, lines)
        return max(limit.held_until - now, BASE_HOLD * self._scale) + random.random() * JITTER * self._scale

    def block(self, provider: str, seconds: float, words: str) -> None:
        """Hold a provider's lane: it refuses whatever we bring."""
        limit = self.of(provider)
        self._cut(limit, Ask.BLOCK, seconds, limit.round, words, limit.in_flight)

    def landed(self, parcel: Parcel) -> None:
        """A message that was taken for a limited provider has its answer, or was taken back."""
        if (limit := parcel.limit) is not None:
            limit.in_flight -= 1
            parcel.limit = None

    def measured(self, provider: str, now: float) -> float:
        """Messages a second that a provider lately took."""
        seen = [(at, counts[provider]) for at, counts in self._history if at > now - WINDOW and provider in counts]
        count = self.accepted[provider] + sum(number for _at, number in seen)
        # A look comes at the end of what it counts. Just begun, the first hundreds may only have filled a bucket.
        span = now - seen[0][0] + 0.5 if seen else 0.5
        return max(count / min(span, WINDOW), 0.05)

    def report(self) -> Told:
        """What to tell and to ask; `confirm` when it was heard."""
        self._reported_at = time.monotonic()
        wants = {
            provider: Want(
                max(0, min(limit.stock, MOST_STOCK) - int(limit.tokens)) if limit.rate is not None else limit.stock,
                limit.in_flight,
                limit.taken,
            )
            for provider, limit in self.by_provider.items()
        }
        return list(self.cuts), dict(self.starts), wants

    def confirm(self, told: Told, grants: Iterable[Grant]) -> list[Limit]:
        """The exchange has come back. Returns the limits that are none any more."""
        now = time.monotonic()
        cuts, _starts, wants = told
        del self.cuts[: len(cuts)]
        self._alone_since = now
        self.heard_at = self._reported_at
        for provider, want in wants.items():
            self.by_provider[provider].taken -= want.taken
        freed, seen = [], set()
        for grant in grants:
            seen.add(grant.provider)
            self._apply(self.of(grant.provider), grant, now)
        for provider, limit in list(self.by_provider.items()):
            if provider not in seen and provider not in self.starts and not self._is_to_be_told(provider):
                limit.rate = limit.slots = limit.share = None
                limit.held_until = 0.0
                if limit.cap is None and not limit.in_flight:
                    freed.append(self.by_provider.pop(provider))
        return freed

    def go_alone(self) -> None:
        """Valkey does not answer: everybody keeps to an equal share of what was last known."""
        now = time.monotonic()
        span = min(now - self._alone_since, 1.0)
        self.heard_at = self._reported_at
        self._alone_since = now
        for limit in self.by_provider.values():
            if limit.rate is not None and now >= limit.held_until:
                share = limit.rate / self._workers
                limit.tokens = min(limit.tokens + share * span, max(1.0, share))

    def look(self, now: float) -> None:
        """A moment has passed: what was accepted goes into the history."""
        if self.accepted:
            for provider, count in self.accepted.items():
                self._answers[provider] += count
                self._blocks.pop(provider, None)
            self._history.append((now, self.accepted))
            self.accepted = Counter()
        while self._history and self._history[0][0] < now - WINDOW:
            self._history.popleft()
        for counts in (self._answers, self._maybes):
            for provider in [name for name, count in counts.items() if count > 1000]:
                self._answers[provider] //= 2
                self._maybes[provider] //= 2

    def cap(self, caps: Mapping[str, int]) -> None:
        """Take further caps into account."""
        for provider, left in caps.items():
            limit = self.of(provider)
            # Others may have begun whom no exchange has told of yet.
            share = -(-left // max(limit.members, self._workers))
            limit.cap = max(0, share - limit.in_flight)
        for provider, limit in self.by_provider.items():
            if provider not in caps:
                limit.cap = None

    def _is_to_be_told(self, provider: str) -> bool:
        return any(cut.provider == provider for cut in self.cuts)

    def _apply(self, limit: Limit, grant: Grant, now: float) -> None:
        is_new_rate = limit.rate is None and grant.rate is not None
        limit.rate, limit.slots, limit.share = grant.rate, grant.slots, grant.share
        limit.round, limit.members = grant.round, grant.members
        limit.why, limit.since = grant.why, grant.since
        if not self._is_to_be_told(limit.provider):
            limit.held_until = now + grant.hold if grant.hold else 0.0
        if grant.rate is not None:
            tokens = 0.0 if is_new_rate or grant.hold else limit.tokens
            limit.tokens = min(tokens + max(grant.tokens, 0.0), max(2.0, grant.rate))

    def _cut(self, limit: Limit, ask: Ask, rest: float, number: int, words: str, lines: int) -> Limit:
        now = time.monotonic()
        measured = self.measured(limit.provider, now)
        self.cuts.append(
            Cut(
                limit.provider,
                ask.value,
                number,
                measured,
                max(lines, 1),
                rule_of(limit.provider).connections,
                rest,
                " ".join(words.split())[:200],
            )
        )
        self._maybes.pop(limit.provider, None)
        self._blocks.pop(limit.provider, None)
        # Until Valkey says more: a short stop, and then a share of what was last known.
        if ask in (Ask.REST, Ask.BLOCK):
            limit.held_until = max(limit.held_until, now + rest * self._scale)
            limit.slots, limit.share = 1, 1
        elif ask is Ask.SLOWER:
            if limit.rate is None:
                limit.rate = measured * self._workers / 2
                limit.held_until = max(limit.held_until, now + BASE_HOLD * self._scale)
            else:
                limit.rate *= 0.75
            limit.tokens = 0.0
        else:
            limit.share = max(1, (limit.share or lines) * 3 // 4)
            limit.slots = limit.share * self._workers
        limit.why = " ".join(words.split())[:200]
        limit.since = limit.since or time.time()
        return limit
