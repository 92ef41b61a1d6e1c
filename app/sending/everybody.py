"""Whether a server refuses everybody: then it is no use as a transport, and nobody is to suffer for it.

Judged by a row of refusals without one acceptance among them, best before the first. Until it is over what they mean
is left open: they count for nobody, should the server be found to refuse whoever it is asked about, and as they were
understood, should it not.
"""

from collections import Counter

from app.mail.status_codes import Stage
from app.messages.lifecycle import State
from app.sending.pacing.reactions import GREY, Ask, Signal
from app.sending.verdicts import Outcome, Verdict, gist

LEAST = 20
"""Refusals without one acceptance that are believed."""
LEAST_OF_A_PROBE = 6
"""And where it failed before."""
OTHERS = 3
"""Of them at least so many for other providers than the first: else it may be that provider's matter."""
LEAST_AFTER_ALL = 40
"""And where it took others before in the same run."""
FEW_OF_ITS_OWN = 3
"""At the end of a short run: refusals in words that only a relay has for its own client."""
ALIKE = 0.8
"""Share of the refusals that say the same."""

_BEFORE_RECIPIENT = ("connect", "ehlo", "mail")
_OF_A_RELAY = frozenset({"norelaying", "securityerror"})
_NOT_OF_IT = frozenset({"address", "content", "size", "none"})
_OF_THE_DOMAIN = frozenset({"hostunknown", "notaccept"})


class Everybody:
    """A run's refusals since it last took a message. `held`: as they were understood, and not written yet."""

    def __init__(self, server: str) -> None:
        self.least = LEAST
        self.why = ""
        """In words for people."""
        self._server = server
        self.held: list[Outcome] = []
        self.is_sure = False
        """It refuses everybody."""
        self.is_over = False
        """The run has ended: what comes now is settled as it comes."""
        self.has_accepted = False
        self._begin()

    def accepted(self) -> None:
        """A message was taken: `held` is to be settled before, and counting begins anew."""
        if not self.has_accepted:
            self.has_accepted, self.least = True, LEAST_AFTER_ALL
        if self._count:
            self._begin()

    def _begin(self) -> None:
        self._count = self._own = self._lasting = 0
        self._providers: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._is_paced = False

    def is_meant(self, stage: Stage, verdict: Verdict, signal: Signal | None) -> bool:
        """Whether a refusal may be one of everybody: it speaks neither of the person, the message nor the pace."""
        found = verdict.found
        if found.scope in _NOT_OF_IT or found.reason in _OF_THE_DOMAIN or GREY.search(verdict.outcome.reply):
            return False
        return signal is None or signal.ask in (Ask.BLOCK, Ask.MAYBE) or is_of_relay(stage, verdict)

    def is_for_none(self, stage: Stage, verdict: Verdict) -> bool:
        """Whether it speaks of no provider's lane."""
        return not self.has_accepted and is_of_relay(stage, verdict)

    def add(self, provider: str, stage: Stage, verdict: Verdict, words: str, *, is_paced: bool) -> None:
        """One more. `is_paced`: it may be a matter of the provider's lane."""
        outcome = verdict.outcome
        self._count += 1
        self._own += is_of_relay(stage, verdict)
        self._lasting += outcome.code >= 500
        self._is_paced |= is_paced
        self._providers[provider] += 1
        self._words[gist(words)] += 1
        self.why = f"The mail server at {self._server} refuses our mail to everybody: {words[:300]}"
        self.held.append(outcome)

    @property
    def is_enough(self) -> bool:
        """Whether they say that the server refuses everybody, whoever keeps the mailbox."""
        return self._count >= self.least and self._are_alike and (self._is_of_many or self._is_of_its_own)

    @property
    def is_enough_of_one(self) -> bool:
        """Whether they would, if the run has people of this one provider only."""
        return self._count >= self.least and self._are_alike and not (self._is_paced or self.has_accepted)

    @property
    def is_enough_at_end(self) -> bool:
        """Whether the few refusals of a run that is over say so."""
        if not self._count or self.has_accepted or not self._are_alike:
            return False
        if self._own == self._count:
            return self._count >= FEW_OF_ITS_OWN
        return self._count >= LEAST_OF_A_PROBE and self._lasting == self._count and len(self._providers) > 1

    @property
    def is_of_transport(self) -> bool:
        """Whether it is sure enough to set the transport aside at once."""
        return self._own == self._count or len(self._providers) > 1 or "" in self._providers

    @property
    def _is_of_its_own(self) -> bool:
        return self._own == self._count and not self.has_accepted

    @property
    def _are_alike(self) -> bool:
        return max(self._words.values()) >= ALIKE * self._count

    @property
    def _is_of_many(self) -> bool:
        return "" in self._providers or self._count - max(self._providers.values()) >= OTHERS


def is_of_relay(stage: Stage, verdict: Verdict) -> bool:
    """Whether only a relay says this to its own client: it has not heard of a recipient yet, or does not relay."""
    return stage in _BEFORE_RECIPIENT or verdict.found.reason in _OF_A_RELAY


def kept(outcome: Outcome) -> Outcome:
    """The outcome for somebody whom a server refused that refuses everybody: to be tried soon, counting for nothing."""
    return outcome._replace(state=State.DEFERRED, suppress=False, wait=0.0, is_kept=True)
