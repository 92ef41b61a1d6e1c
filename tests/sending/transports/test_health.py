"""The breaker as a state machine, and what of a run counts as the transport's fault."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.core.extensions import settings
from app.core.settings import libpq_url
from app.messages.lifecycle import State
from app.sending.connections import connect
from app.sending.health import FAILURES, Health, RunReport, after_run, note_run, pause_after, report_of
from tests.sending.transports import ways

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

steps = st.lists(
    st.tuples(
        st.sampled_from(["well", "failed", "setup", "idle"]),
        st.floats(0, 1),
        st.booleans(),
        st.integers(0, 3600),
    ),
    max_size=40,
)


@given(steps)
def test_the_breaker_keeps_its_word(taken: list[tuple[str, float, bool, int]]) -> None:
    health, now = Health(), NOON
    for kind, success, is_probe, seconds in taken:
        now += timedelta(seconds=seconds)
        before = health
        health = after_run(before, RunReport(kind, success, "words", is_probe), now)  # type: ignore[arg-type]
        assert 0.0 <= health.score <= 1.0
        assert (health.open_until is not None) == (health.failures >= FAILURES)
        if kind == "idle":
            assert health == before
        elif kind == "well":
            assert (health.failures, health.open_until) == (0, None)
        elif before.open_until is not None and not is_probe:
            assert (health.failures, health.open_until) == (before.failures, before.open_until)
        else:
            assert health.failures > before.failures
            assert health.score <= before.score
            if kind == "setup":
                assert health.state(now) == "open"
            if health.open_until is not None:
                assert timedelta(minutes=1) <= health.open_until - now <= timedelta(minutes=30)


def test_it_opens_on_the_fourth_failure_and_for_twice_as_long_each_time() -> None:
    health, spans = Health(), []
    for _ in range(11):
        health = after_run(health, RunReport("failed", words="gone", is_probe=True), NOON)
        spans.append(None if health.open_until is None else (health.open_until - NOON) / timedelta(minutes=1))
    assert spans == [None, None, None, 1, 2, 4, 8, 16, 30, 30, 30]
    assert health.state(NOON) == "open"
    assert health.state(NOON + timedelta(minutes=30)) == "half-open"
    assert after_run(health, RunReport("well"), NOON).state(NOON) == "closed"


def test_a_wrong_password_opens_it_at_once() -> None:
    health = after_run(Health(), RunReport("setup", words="535 no"), NOON)
    assert (health.state(NOON), health.last_words) == ("open", "535 no")
    assert pause_after(10**6) == timedelta(minutes=30)


@dataclass
class Desk:
    """What is left of a desk after its run."""

    stopped: str = "finished"
    waiting_for: str = ""
    trouble: str = ""
    server: str = "127.0.0.1:25"
    counts: Counter[State] = field(default_factory=Counter)
    is_setup_fault: bool = False


@pytest.mark.parametrize(
    ("desk", "kind"),
    [
        (Desk(counts=Counter({State.SENT: 3})), "well"),
        (Desk(counts=Counter({State.BOUNCED: 3})), "well"),
        (Desk(counts=Counter({State.DEFERRED: 3})), "idle"),
        (Desk(), "idle"),
        (Desk("waiting", "The mail server at 127.0.0.1:25 refuses our mail: 550"), "failed"),
        (Desk("waiting", "No host named x was found.", "No host named x was found."), "failed"),
        (Desk("waiting", "535 no", "535 no", is_setup_fault=True), "setup"),
        (Desk("waiting", "127.0.0.1:25 ends every conversation", counts=Counter({State.UNCERTAIN: 4})), "setup"),
        (
            Desk("waiting", "127.0.0.1:25 cannot be reached", counts=Counter({State.UNCERTAIN: 4, State.SENT: 9})),
            "failed",
        ),
        (Desk("waiting", "The database did not answer."), "idle"),
        (Desk("waiting", "The journal in /var cannot be written.", counts=Counter({State.SENT: 2})), "well"),
        (Desk("stopped"), "idle"),
    ],
)
def test_only_what_is_the_transports_fault_counts(desk: Desk, kind: str) -> None:
    assert report_of(desk).kind == kind


def test_of_those_tried_the_ones_it_failed_lower_the_score() -> None:
    run = report_of(Desk(counts=Counter({State.SENT: 6, State.BOUNCED: 1, State.DEFERRED: 2, State.UNCERTAIN: 1})))
    assert run.success == pytest.approx(0.7)
    assert after_run(Health(), run, NOON).score == pytest.approx(0.94)


def test_workers_that_tell_at_once_lose_no_failure(workspace: Workspace) -> None:
    transport = ways.add(workspace, 9)

    async def tell() -> None:
        connection = await connect(libpq_url(settings().database_url))
        await note_run(connection, transport, RunReport("failed", words="gone"))
        await connection.close()

    async def all_at_once() -> None:
        await asyncio.gather(*(tell() for _ in range(FAILURES)))

    asyncio.run(all_at_once())
    row = ways.row(transport)
    assert (row.failures, row.last_words) == (FAILURES, "gone")
    assert row.score == pytest.approx(0.8**FAILURES)
    assert row.open_until is not None
