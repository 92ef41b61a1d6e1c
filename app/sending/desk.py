"""The worker's desk: hands messages to the lines, keeps the journal, hears what became of each.

All of it runs in one thread, between two turns of the event loop, and never waits. A message may be handed over only
while its permission is fresh: campaign, run and person were asked about less than `FRESH` seconds ago. This one rule
makes pause, cancel, unsubscription, suppression, a lost database and a run taken over by somebody else all stop the
mail within that time.
"""

import asyncio

from app.core.errors import Invalid
from app.core.logging import log
from app.mail.status_codes import Stage
from app.messages.lifecycle import State
from app.rendering.errors import RenderError
from app.sending import journal
from app.sending.carrier import Carrier
from app.sending.hearing import Hearing
from app.sending.journal import Journal
from app.sending.letters import Letters
from app.sending.moments import Moments
from app.sending.pacing.limits import Limits
from app.sending.pacing.rules import NO_MAIL
from app.sending.pacing.turns import boottime
from app.sending.parcel import Parcel
from app.sending.replies import Reply
from app.sending.smtp import At, Line
from app.sending.transports import AnyAccount
from app.sending.verdicts import LONGEST_REPLY, Outcome, doubtful, put_off, shortened, untaken

FRESH = 1.0
"""Seconds a permission is good for at the hand-over."""
PATIENCE = 5.0
"""Seconds a server is kept waiting between its 354 and the body while permission is sought."""
MOST_CUTS = 2
"""Times a message is tried again at once after a connection ended before its turn."""


class SendDesk(Hearing):
    """The desk of one run. `stop` ends it: gently (what is announced may still go) or at once."""

    def __init__(self, account: AnyAccount, letters: Letters, book: Journal, limits: Limits | None = None) -> None:
        super().__init__(account, limits or Limits())
        self.held: list[Line] = []
        self.stopped = ""
        """Why no further message is taken: finished, stopped, waiting, paced, lost, failed."""
        self.rest = 0.0
        """Seconds until any slowed provider takes more, when nothing else was left."""
        self.waiting_for = ""
        self.at_once = False
        self.consumed = asyncio.Event()
        """Claimed messages run short."""
        self.over = asyncio.Event()
        """The desk has stopped, or its last line is closed."""
        self.low = 16
        """How many permitted messages call for more."""
        self.announced = 0
        self.is_exhausted = False
        """Nothing was left to claim when the desk stopped."""
        self.broken_pipelining = False
        self.fruitless = 0
        """Connections in a row that ended without a verdict on any message."""
        self.last_words = ""
        self.trouble = ""
        """What the last attempt to open a line met with."""
        self.has_met = False
        """Some line was open at some time."""
        self.letters = letters
        self._book = book
        self._loop = asyncio.get_running_loop()
        self._moments = Moments()
        self._ready: list[Line] = []
        self._is_scheduled = False

    def stop(self, outcome: str, waiting_for: str = "", *, at_once: bool = False) -> None:
        """Take no further message. The first reason counts; `at_once` nothing is handed over any more either."""
        if self.stopped and (self.at_once or not at_once):
            return
        if not self.stopped:
            self.stopped, self.waiting_for = self._end_doubts(outcome, waiting_for)
        self.at_once = at_once
        for line in list(self.lines):
            line.finish()
        self.over.set()
        self.short_of_lines.set()
        self.wanted.set()

    @property
    def under_way(self) -> list[int]:
        """Messages that a line has announced, and of which nothing is known yet."""
        return [parcel.message_id for line in self.lines for parcel in line.parcels]

    # what the lines call

    def joined(self, line: Carrier) -> None:
        """A line is open."""
        self.lines.add(line)
        self.has_met = True
        if self.stopped:
            line.finish()

    def take(self, _line: Carrier) -> Parcel | None:
        """The next permitted message, composed. One that cannot be composed fails; the others go on."""
        permitted = self.permitted
        if len(permitted) <= self.low and self.claimed:
            self.wanted.set()
        if self.stopped:
            return None
        moment = self._moments.now()
        while (parcel := (self._next_slowed() if self._slowed else None) or self._next()) is not None:
            try:
                if not parcel.data:
                    self.letters.compose(parcel, self._moments.date(moment))
            except (RenderError, Invalid) as error:
                self.limits.landed(parcel)
                self._settle(
                    Outcome(parcel.message_id, moment, State.FAILED, reason="render", reply=shortened(str(error)))
                )
                continue
            self.announced += 1
            return parcel
        return None

    def ready(self, line: Line) -> None:
        """Hand over at the end of this turn, with one entry in the journal for all lines that are ready then."""
        self._ready.append(line)
        self._schedule()

    def begin(self, parcels: list[Parcel]) -> list[Parcel]:
        """Those of some taken messages that may be handed over now, noted in the journal; the others are given back.

        For carriers that hand over many at once, in the turn in which they took them.
        """
        oldest = boottime() - FRESH
        going = [] if self.at_once else [parcel for parcel in parcels if parcel.permitted_at >= oldest]
        entries, self._entries = self._entries + [journal.handed(parcel.message_id) for parcel in going], []
        if entries and not self._write(entries):
            going = []
        begun = {parcel.message_id for parcel in going}
        self._handed |= begun
        for parcel in reversed(parcels):
            if parcel.message_id not in begun:
                self._back(parcel)
        return going

    def answered(self, parcel: Parcel, stage: Stage, reply: Reply) -> None:
        """Note the server's verdict."""
        if parcel.limit is not None:
            self._landed(parcel.limit, parcel)
        if stage == "final" and reply.code < 300:
            text = reply.text.replace("\n", " ")[:LONGEST_REPLY]
            number, moment = parcel.message_id, self._moments.now()
            self._handed.discard(number)
            self._entries.append(journal.sent(number, moment, reply.code, text.encode()))
            self.outcomes.append(Outcome(number, moment, State.SENT, reply.code, journal.enhanced(text), "", text))
            self.counts[State.SENT] += 1
            self._refusals.forget()
            if (everybody := self.everybody) is not None and (everybody.held or not everybody.has_accepted):
                self._accepted(everybody)
            self.limits.accepted[parcel.provider] += 1
            if (limit := self._slowed.get(parcel.provider)) is not None:
                limit.taken += 1
            self._schedule()
            return
        self._refused(parcel, stage, reply, self._moments.now())

    def unsendable(self, parcel: Parcel, status: str, reason: str, words: str) -> None:
        """Note that this server cannot take this message."""
        self.limits.landed(parcel)
        self._settle(Outcome(parcel.message_id, self._moments.now(), State.FAILED, 0, status, reason, words))
        self._count_refusal(words, is_general=reason == "mesgtoobig")

    def cut(self, parcel: Parcel, *, handed_over: bool, why: str) -> None:
        """A connection ended: what was handed over is in doubt for good, what was not goes out by another line."""
        self.limits.landed(parcel)
        number = parcel.message_id
        self._handed.discard(number)
        if handed_over:
            self._settle(doubtful(number, self._moments.now(), why))
        elif not self.stopped and parcel.cuts >= MOST_CUTS:
            self._settle(put_off(number, self._moments.now(), why))
        else:
            parcel.cuts += 1
            self._back(parcel)
            self.wanted.set()

    def idle(self, line: Carrier) -> None:
        """The line waits; `wake_lines` will call it."""
        if self.stopped:
            line.finish()

    def gone(self, line: Carrier, why: str) -> None:
        """The line is closed."""
        self.lines.discard(line)
        self.held = [held for held in self.held if held is not line]
        if line.lost_step:
            self.broken_pipelining = True
            log("sending").warning("mail server lost step", server=self._account.name)
        self.fruitless = 0 if line.verdicts else self.fruitless + 1
        self.last_words = why
        if not self.lines:
            self.over.set()
        self.short_of_lines.set()
        self.wanted.set()

    # what the run calls

    def receive(self, parcels: list[Parcel]) -> None:
        """Claimed messages have come. Domains that take no mail are not tried (RFC 7505)."""
        slowed, claimed = self._slowed, self.claimed
        for parcel in parcels:
            provider = parcel.provider
            if provider == NO_MAIL:
                self._settle(untaken(parcel.message_id, self._moments.now()))
            elif slowed and provider in slowed:
                slowed[provider].waiting.append(parcel)
                self.paced.set()
            else:
                claimed.append(parcel)
        self.wanted.set()
        self.short_of_lines.set()

    def forbid(self, parcel: Parcel, reason: str) -> None:
        """A claimed message must not go any more."""
        if parcel.limit is not None:
            parcel.limit.queued -= 1
            parcel.limit = None
        self.skip(parcel, reason)

    def decide(self, line: Line, forbidden: str) -> None:
        """The permission a held line waited for has come, or the reason against it."""
        if line not in self.held:
            return
        self.held.remove(line)
        if forbidden or self.at_once:
            self.withdraw(line, forbidden)
        else:
            self.ready(line)

    def withdraw(self, line: Line, reason: str = "") -> None:
        """Take the announced message back by closing its connection: after 354 there is no other way."""
        parcel, line.waiting = line.waiting, None
        if parcel is not None and reason:
            self.skip(parcel, reason)
        elif parcel is not None:
            self._back(parcel)
        line.hang_up("The message was withdrawn.")

    def skip(self, parcel: Parcel, reason: str) -> None:
        """The person must not be written to any more."""
        self.limits.landed(parcel)
        self._settle(Outcome(parcel.message_id, self._moments.now(), State.SKIPPED, reason=reason))

    def doubt_rest(self) -> None:
        """Whatever was handed over and has no outcome when all lines are closed is in doubt, never to be given back."""
        for number in sorted(self._handed):
            self._settle(doubtful(number, self._moments.now(), "No answer was noted."))

    def look_after_lines(self) -> None:
        """End what took too long."""
        now = self._loop.time()
        for line in list(self.lines):
            if now > line.deadline:
                line.lost_step = line.is_out_of_step
                line.hang_up("The mail server did not answer in time.")
        for line in [line for line in self.held if now > line.held_since + PATIENCE]:
            self.withdraw(line)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """The end of a turn: the journal first, then the bodies."""
        self._is_scheduled = False
        going: list[Line] = []
        if self._ready:
            oldest = boottime() - FRESH
            for line in self._ready:
                if line.at is not At.DESK or line.waiting is None:
                    continue
                if self.at_once:
                    self.withdraw(line)
                elif line.waiting.permitted_at < oldest:
                    line.held_since = self._loop.time()
                    self.held.append(line)
                    self.wanted.set()
                else:
                    going.append(line)
                    self._entries.append(journal.handed(line.waiting.message_id))
            self._ready.clear()
        entries, self._entries = self._entries, []
        if entries and not self._write(entries):
            for line in going:
                self.withdraw(line)
            return
        self._handed |= {parcel.message_id for line in going if (parcel := line.waiting)}
        for line in going:
            line.send_body()

    def _write(self, entries: list[bytes]) -> bool:
        try:
            self._book.write(entries)
        except OSError as error:
            where = self._book.path.parent
            self.stop("waiting", f"The journal in {where} cannot be written: {error.strerror}.", at_once=True)
            return False
        return True
