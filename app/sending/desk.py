"""The worker's desk: hands messages to the lines, keeps the journal, hears what became of each.

All of it runs in one thread, between two turns of the event loop, and never waits. A message may be handed over only
while its permission is fresh: campaign, run and person were asked about less than `FRESH` seconds ago. This one rule
makes pause, cancel, unsubscription, suppression, a lost database and a run taken over by somebody else all stop the
mail within that time.
"""

import asyncio
import time
from collections import Counter, deque
from datetime import UTC, datetime

from app.core import clock
from app.core.errors import Invalid
from app.core.logging import log
from app.mail.status_codes import Stage
from app.messages.lifecycle import State
from app.rendering.errors import RenderError
from app.sending import journal
from app.sending.account import Account
from app.sending.carrier import Carrier
from app.sending.journal import Journal
from app.sending.letters import Letters
from app.sending.parcel import Parcel
from app.sending.replies import Reply
from app.sending.smtp import At, Line
from app.sending.verdicts import LONGEST_REPLY, Outcome, judge

FRESH = 1.0
"""Seconds a permission is good for at the hand-over."""
STALE = 0.4
"""Seconds after which a permission is asked for again before the message is even announced."""
PATIENCE = 5.0
"""Seconds a server is kept waiting between its 354 and the body while permission is sought."""
MOST_CUTS = 2
"""Times a message is tried again at once after a connection ended before its turn."""
MOST_REFUSALS = 25
"""Refusals in a row that speak of us and not of a recipient, after which the run stops to spare the rest."""


class SendDesk:
    """The desk of one run. `stop` ends it: gently (what is announced may still go) or at once."""

    def __init__(self, account: Account, letters: Letters, book: Journal) -> None:
        self.claimed: deque[Parcel] = deque()
        self.asked = 0
        """Messages about which the database is being asked."""
        self.permitted: deque[Parcel] = deque()
        self.outcomes: list[Outcome] = []
        self.lines: set[Carrier] = set()
        self.held: list[Line] = []
        self.counts: Counter[State] = Counter()
        self.stopped = ""
        """Why no further message is taken: finished, stopped, waiting, lost, failed."""
        self.waiting_for = ""
        self.at_once = False
        self.wanted = asyncio.Event()
        """Permissions run short, or a line waits for one."""
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
        self.server = account.name
        self.trouble = ""
        """What the last attempt to open a line met with."""
        self.has_met = False
        """Some line was open at some time."""
        self.short_of_lines = asyncio.Event()
        self.letters = letters
        self._account, self._book = account, book
        self._loop = asyncio.get_running_loop()
        self._offset = clock.now().timestamp() - time.time()
        self._dated, self._second = 0.0, clock.now()
        self._entries: list[bytes] = []
        self._ready: list[Line] = []
        self._is_scheduled = False
        self._refusals = 0

    def stop(self, outcome: str, waiting_for: str = "", *, at_once: bool = False) -> None:
        """Take no further message. The first reason counts; `at_once` nothing is handed over any more either."""
        if self.stopped and (self.at_once or not at_once):
            return
        if not self.stopped:
            self.stopped, self.waiting_for = outcome, waiting_for
        self.at_once = at_once
        for line in list(self.lines):
            line.finish()
        self.over.set()
        self.short_of_lines.set()
        self.wanted.set()

    @property
    def has_work(self) -> bool:
        """Whether any claimed message has no outcome yet."""
        if self.claimed or self.asked or self.permitted:
            return True
        return any(line.parcels for line in self.lines)

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
        moment = self._now()
        while permitted:
            parcel = permitted.popleft()
            if boottime() - parcel.permitted_at > STALE:
                permitted.appendleft(parcel)
                self.claimed.extendleft(reversed(permitted))
                permitted.clear()
                self.wanted.set()
                return None
            try:
                if not parcel.data:
                    self.letters.compose(parcel, self._date(moment))
            except (RenderError, Invalid) as error:
                self._settle(
                    Outcome(parcel.message_id, moment, State.FAILED, reason="render", reply=_short(str(error)))
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
        self.claimed.extendleft(parcel for parcel in reversed(parcels) if parcel.message_id not in begun)
        return going

    def answered(self, parcel: Parcel, stage: Stage, reply: Reply) -> None:
        """Note the server's verdict."""
        if stage == "final" and reply.code < 300:
            text = reply.text.replace("\n", " ")[:LONGEST_REPLY]
            number, moment = parcel.message_id, self._now()
            self._entries.append(journal.sent(number, moment, reply.code, text.encode()))
            self.outcomes.append(Outcome(number, moment, State.SENT, reply.code, journal.enhanced(text), "", text))
            self.counts[State.SENT] += 1
            self._refusals = 0
            self._schedule()
            return
        verdict = judge(parcel.message_id, self._now(), stage, reply, self._account.host)
        self._settle(verdict.outcome)
        self._count_refusal(reply.words, is_general=verdict.is_general)

    def unsendable(self, parcel: Parcel, status: str, reason: str, words: str) -> None:
        """Note that this server cannot take this message."""
        self._settle(Outcome(parcel.message_id, self._now(), State.FAILED, 0, status, reason, words))
        self._count_refusal(words, is_general=reason == "mesgtoobig")

    def cut(self, parcel: Parcel, *, handed_over: bool, why: str) -> None:
        """A connection ended: what was handed over is in doubt for good, what was not goes out by another line."""
        if handed_over:
            self._settle(
                Outcome(parcel.message_id, self._now(), State.UNCERTAIN, reason="unanswered", reply=_short(why))
            )
        elif not self.stopped and parcel.cuts >= MOST_CUTS:
            self._settle(
                Outcome(parcel.message_id, self._now(), State.DEFERRED, reason="networkerror", reply=_short(why))
            )
        else:
            parcel.cuts += 1
            self.claimed.appendleft(parcel)
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
        """Claimed messages have come."""
        self.claimed.extend(parcels)
        self.wanted.set()
        self.short_of_lines.set()

    def wake_lines(self) -> None:
        """There are permitted messages: give them to idle lines."""
        for line in [line for line in self.lines if line.is_idle]:
            if not self.permitted:
                return
            line.wake()

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
            self.claimed.appendleft(parcel)
        line.hang_up("The message was withdrawn.")

    def skip(self, parcel: Parcel, reason: str) -> None:
        """The person must not be written to any more."""
        self._settle(Outcome(parcel.message_id, self._now(), State.SKIPPED, reason=reason))

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

    def _settle(self, outcome: Outcome) -> None:
        self._entries.append(journal.answered(outcome))
        self.outcomes.append(outcome)
        self.counts[outcome.state] += 1
        self._schedule()

    def _count_refusal(self, words: str, *, is_general: bool) -> None:
        self._refusals = self._refusals + 1 if is_general else 0
        if self._refusals >= MOST_REFUSALS:
            self.stop("waiting", f"The mail server at {self._account.name} refuses our mail: {words[:300]}")

    def _date(self, moment: float) -> datetime:
        if moment - self._dated > 1.0:
            self._dated, self._second = moment, datetime.fromtimestamp(int(moment), UTC)
        return self._second

    def _now(self) -> float:
        return time.time() + self._offset


def boottime() -> float:
    """Seconds since the machine started, sleep included: a permission does not outlive a closed lid."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_REPLY]
