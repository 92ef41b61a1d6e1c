"""What a journal says after its writer died, whenever that was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messages.lifecycle import State
from app.sending import journal
from app.sending.journal import Journal
from app.sending.verdicts import Outcome

line = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=60)
outcomes = st.builds(
    Outcome,
    st.integers(1, 30),
    st.floats(0, 4e9),
    st.sampled_from([State.SENT, State.DEFERRED, State.BOUNCED, State.FAILED, State.UNCERTAIN, State.SKIPPED]),
    st.integers(0, 599),
    line,
    line,
    line,
    st.booleans(),
    # The wait that pacing asked for is only good while it is fresh: no journal keeps it.
    wait=st.just(0.0),
    is_kept=st.booleans(),
)
steps = st.lists(st.lists(st.one_of(st.integers(1, 30), outcomes), min_size=1, max_size=5), max_size=12)


def written(folder: Path, groups: list[list[int | Outcome]]) -> tuple[bytes, list[int]]:
    """The bytes of a journal with these groups, and where each group ends."""
    path = folder / "journal"
    book = Journal(path, "mail.example.com:25")
    ends = [path.stat().st_size]
    for group in groups:
        book.write([journal.handed(step) if isinstance(step, int) else journal.answered(step) for step in group])
        ends.append(path.stat().st_size)
    data = path.read_bytes()
    book.close(remove=True)
    return data, ends


@given(steps, st.floats(0, 1))
def test_a_torn_tail_hides_only_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[int | Outcome]], cut: float
) -> None:
    data, ends = written(tmp_path_factory.mktemp("j"), groups)
    at = ends[0] + int((len(data) - ends[0]) * cut)
    record = journal.read(data[:at])
    complete = [step for group, end in zip(groups, ends[1:], strict=True) if end <= at for step in group]
    handed, answered = set[int](), dict[int, Outcome]()
    for step in complete:
        if isinstance(step, int):
            handed.add(step)
            answered.pop(step, None)
        else:
            answered[step.message_id] = step
            handed.discard(step.message_id)
    assert record.in_doubt == handed
    assert record.outcomes == answered
    assert (record.is_this_boot, record.transport) == (True, "mail.example.com:25")


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    assert not journal.read(data).is_this_boot


@given(steps, st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_byte_never_makes_up_an_outcome(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[int | Outcome]], place: int, flip: int
) -> None:
    data, _ends = written(tmp_path_factory.mktemp("j"), groups)
    damaged = bytearray(data)
    damaged[place % len(data)] ^= flip
    said = {step for group in groups for step in group if isinstance(step, Outcome)}
    assert set(journal.read(bytes(damaged)).outcomes.values()) <= said


def test_a_journal_of_a_living_process_cannot_be_locked(tmp_path: Path) -> None:
    book = Journal(tmp_path / "journal", "x")
    assert journal.lock(book.path) is None
    book.close(remove=False)
    assert journal.lock(book.path) is not None


def test_a_sent_entry_keeps_the_servers_words(tmp_path: Path) -> None:
    book = Journal(tmp_path / "journal", "x")
    book.write([journal.handed(7), journal.sent(7, 12.5, 250, b"2.0.0 Ok: queued as 4B2A")])
    record = journal.read(book.path.read_bytes())
    book.close(remove=True)
    assert record.outcomes == {7: Outcome(7, 12.5, State.SENT, 250, "2.0.0", "", "2.0.0 Ok: queued as 4B2A")}
    assert not record.in_doubt
