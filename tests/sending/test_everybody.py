"""When refusals are believed to be meant for everybody, and what became of one is kept through a crash."""

from pathlib import Path
from typing import Any

import pytest

from app.messages.lifecycle import State
from app.sending import journal
from app.sending.everybody import LEAST, Everybody, kept
from app.sending.pacing.reactions import read_signal
from app.sending.replies import Reply
from app.sending.verdicts import Outcome, gist, judge

RELAYING = Reply(550, "5.7.1 Relaying denied")
DISK = Reply(451, "4.3.0 disk trouble")
BLOCKED = Reply(554, "5.7.1 Your IP is on the blocklist of Spamhaus")


def heard(*told: tuple[str, int, Reply], stage: Any = "rcpt") -> Everybody:
    """What so many refusals of so many providers come to."""
    everybody = Everybody("relay.test")
    for provider, count, reply in told:
        for number in range(count):
            verdict = judge(number, 0.0, stage, reply)
            signal = read_signal(provider, stage, verdict)
            if everybody.is_meant(stage, verdict, signal):
                everybody.add(provider, stage, verdict, reply.words, is_paced=signal is not None)
    return everybody


@pytest.mark.parametrize("reply", [RELAYING, DISK, BLOCKED, Reply(550, "denied"), Reply(450, "Try again later")])
def test_the_same_words_for_several_providers_are_enough(reply: Reply) -> None:
    assert heard(("a.test", 10, reply), ("b.test", 10, reply)).is_enough
    assert not heard(("a.test", 10, reply), ("b.test", 9, reply)).is_enough


@pytest.mark.parametrize("reply", [DISK, BLOCKED, Reply(550, "5.7.1 Denied by policy")])
def test_one_provider_is_not_everybody(reply: Reply) -> None:
    assert not heard(("a.test", 200, reply)).is_enough
    assert not heard(("a.test", 200, reply), ("b.test", 2, reply)).is_enough


def test_two_providers_with_words_of_their_own_are_not_everybody() -> None:
    assert not heard(("google", 30, BLOCKED), ("b.test", 20, DISK)).is_enough


def test_that_it_does_not_relay_is_said_by_the_relay_itself() -> None:
    assert heard(("a.test", LEAST, RELAYING)).is_enough
    assert heard(("a.test", LEAST, BLOCKED), stage="mail").is_enough


@pytest.mark.parametrize(
    "reply",
    [
        Reply(550, "5.1.1 User unknown"),
        Reply(452, "4.2.2 Mailbox full"),
        Reply(450, "4.7.1 Greylisted, come back later"),
        Reply(451, "4.7.1 Your mail is rate limited, sending too fast"),
        Reply(552, "5.3.4 Message too big"),
        Reply(556, "5.1.10 Domain does not accept mail (nullMX)"),
    ],
)
def test_what_speaks_of_a_person_a_message_or_the_pace_is_never_meant_for_everybody(reply: Reply) -> None:
    assert not heard(("a.test", 100, reply), ("b.test", 100, reply)).held


def test_words_are_alike_whoever_they_name() -> None:
    assert gist("554 5.7.1 <ann@a.test>: Relay access denied") == gist("554 5.7.1 <bob@b.test>: relay access denied.")
    assert gist("451 4.3.0 Later") != gist("451 4.3.0 Disk trouble")


def test_that_one_is_kept_stands_in_the_journal(tmp_path: Path) -> None:
    outcome = Outcome(7, 12.5, State.BOUNCED, 550, "5.1.1", "onhold", "5.1.1 No", suppress=True)
    book = journal.Journal(tmp_path / "book", "relay.test")
    book.write([journal.answered(kept(outcome)), journal.answered(outcome._replace(message_id=8))])
    book.close(remove=False)
    read = journal.read((tmp_path / "book").read_bytes()).outcomes
    assert read[7] == kept(outcome)
    assert (read[7].state, read[7].suppress, read[7].is_kept) == (State.DEFERRED, False, True)
    assert read[8] == outcome._replace(message_id=8)
