"""What the refusals that a desk hears mean for their messages, for the pace and for the run."""

from abc import ABC, abstractmethod
from collections import Counter

from app.mail.status_codes import Stage
from app.messages.lifecycle import State
from app.sending import journal
from app.sending.account import Account
from app.sending.everybody import Everybody, kept
from app.sending.pacing.limits import Limits
from app.sending.pacing.reactions import BLOCK_REST, read_signal
from app.sending.pacing.rules import telling_host
from app.sending.pacing.turns import Turns
from app.sending.parcel import Parcel
from app.sending.refusals import Refusals, Whose
from app.sending.replies import Reply
from app.sending.transports import AnyAccount
from app.sending.verdicts import Outcome, judge


class Hearing(Turns, ABC):
    """The part of a desk that judges. What it finds is in `outcomes`, `counts` and, for the journal, `_entries`."""

    def __init__(self, account: AnyAccount, limits: Limits) -> None:
        super().__init__(limits)
        self.outcomes: list[Outcome] = []
        self.counts: Counter[State] = Counter()
        self.server = account.name
        self.is_setup_fault = False
        """Whether waiting cannot mend what the server said last."""
        # An API says with its status whether it means the account (apis/sender.py).
        self.everybody = Everybody(account.name) if isinstance(account, Account) else None
        """Refusals that may be meant for everybody."""
        self._account = account
        self._entries: list[bytes] = []
        self._handed: set[int] = set()
        """Handed over, and no outcome yet."""
        self._refusals = Refusals()

    @abstractmethod
    def stop(self, outcome: str, waiting_for: str = "", *, at_once: bool = False) -> None:
        """End the run."""

    @abstractmethod
    def _schedule(self) -> None: ...

    def _refused(self, parcel: Parcel, stage: Stage, reply: Reply, now: float) -> None:
        """Note a refusal (4xx, 5xx)."""
        provider = parcel.provider
        host = (provider and telling_host(provider)) or self._account.host
        verdict = judge(parcel.message_id, now, stage, reply, host)
        outcome, everybody = verdict.outcome, self.everybody
        signal = read_signal(provider, stage, verdict) if provider else None
        is_meant = everybody is not None and everybody.is_meant(stage, verdict, signal)
        if signal is not None and not (everybody and is_meant and everybody.is_for_none(stage, verdict)):
            wait = self.limits.hear(parcel, signal, reply.words, self._lines_to(provider))
            outcome = outcome._replace(wait=wait if outcome.state is State.DEFERRED else 0.0)
            self.paced.set()
        if everybody is not None and is_meant:
            everybody.add(provider, stage, verdict._replace(outcome=outcome), reply.words, is_paced=signal is not None)
            self._hold(everybody, outcome, provider)
        else:
            self._settle(outcome)
        is_known = signal is not None and provider in self._slowed and reply.code < 500
        self._count_refusal(reply.words, is_general=verdict.is_general and not is_known, provider=provider)

    def _settle(self, outcome: Outcome) -> None:
        self._handed.discard(outcome.message_id)
        self._entries.append(journal.answered(outcome))
        self.outcomes.append(outcome)
        self.counts[outcome.state] += 1
        self._schedule()

    def _hold(self, everybody: Everybody, outcome: Outcome, provider: str) -> None:
        """A refusal that may mean everybody: what it means for its person is settled when more is known."""
        self._handed.discard(outcome.message_id)
        # Should the worker die meanwhile, the person is kept.
        self._entries.append(journal.answered(kept(outcome)))
        self.counts[outcome.state] += 1
        self._schedule()
        if everybody.is_over:
            self._settle_held(everybody)
        elif everybody.is_enough or (everybody.is_enough_of_one and self._is_only_one(provider)):
            self._give_up(everybody)

    def _is_only_one(self, provider: str) -> bool:
        """Whether nobody of another provider is left to try, and this one never asked for less."""
        limit = self._slowed.get(provider)
        return not (limit is not None and limit.why) and not self.has_others(provider)

    def _settle_held(self, everybody: Everybody) -> None:
        for outcome in everybody.held:
            self.counts[outcome.state] -= 1
            self._settle(kept(outcome) if everybody.is_sure else outcome)
        everybody.held.clear()

    def _accepted(self, everybody: Everybody) -> None:
        """A message was taken: the refusals before meant what they said."""
        self._settle_held(everybody)
        everybody.accepted()

    def _give_up(self, everybody: Everybody) -> None:
        everybody.is_sure = True
        self.stop("waiting", everybody.why)

    def _end_doubts(self, outcome: str, waiting_for: str) -> tuple[str, str]:
        """The run ends; how, now that all its refusals are known."""
        everybody = self.everybody
        if everybody is None:
            return outcome, waiting_for
        everybody.is_over = True
        if outcome in ("finished", "paced") and everybody.is_enough_at_end:
            everybody.is_sure, outcome, waiting_for = True, "waiting", everybody.why
        self.is_setup_fault = self.is_setup_fault or (everybody.is_sure and everybody.is_of_transport)
        self._settle_held(everybody)
        return outcome, waiting_for

    def _count_refusal(self, words: str, *, is_general: bool, provider: str = "") -> None:
        """Too many in a row: those of one provider hold its lane, those of several speak of the transport."""
        if not is_general:
            self._refusals.forget()
        elif (whose := self._refusals.count(provider)) is Whose.PROVIDER:
            self.limits.block(provider, BLOCK_REST, words)
            self.paced.set()
        elif whose is Whose.TRANSPORT and self.everybody is not None and self.everybody.held:
            self._give_up(self.everybody)
        elif whose is Whose.TRANSPORT:
            self.stop("waiting", f"The mail server at {self._account.name} refuses our mail: {words[:300]}")
