"""What a campaign's page says of slowed providers."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core import clock
from app.sending.pacing.limits import Limit
from app.sending.pacing.words import describe
from app.sending.warmup.allowance import GoesOn

BRUSSELS = ZoneInfo("Europe/Brussels")
NOON = datetime(2026, 11, 22, 12, tzinfo=BRUSSELS)
TOMORROW = datetime(2026, 11, 23, tzinfo=BRUSSELS)
LONG = (
    "421 4.7.28 Gmail has detected an unusual rate of mail from your IP. "
    "https://support.example.com/mail/?p=UnsolicitedRateLimitError to learn how to go on"
)


def said_of(why: str) -> str:
    limit = Limit("google")
    limit.rate, limit.why, limit.since = 2.0, why, time.time()
    return describe({"google": 3}, {"google": limit}, time.monotonic(), BRUSSELS)


def test_a_long_reply_ends_at_a_word() -> None:
    said = said_of(LONG)
    assert said.endswith("it said: 421 4.7.28 Gmail has detected an unusual rate of mail from your IP. …")


def test_a_short_reply_is_told_whole() -> None:
    assert said_of("451 4.7.1 Try again later.").endswith("3 wait; it said: 451 4.7.1 Try again later.")


def test_one_without_spaces_is_cut_all_the_same() -> None:
    assert said_of("x" * 300).endswith(f"it said: {'x' * 120}…")


def test_times_are_those_of_the_workspace() -> None:
    here = datetime.now(UTC).astimezone(BRUSSELS)
    said = said_of("451 Later")
    assert f" {here:%Z}; 3 wait" in said
    assert "UTC" not in said


def test_what_most_said_stands_before_once() -> None:
    limits = {name: Limit(name) for name in ("google", "yahoo", "firm.test", "other.test")}
    for name, limit in limits.items():
        limit.rate, limit.since = 2.0, time.time()
        limit.why = "451 4.7.1 Wait a while" if name == "yahoo" else f"451 4.3.0 <p@{name}> Later, id 7{name}"
    said = describe(dict.fromkeys(limits, 3), limits, time.monotonic(), BRUSSELS)
    assert said.startswith("3 of 4 providers said: 451 4.3.0 <p@google> Later, id 7google. Gmail, Google Workspace: ")
    assert said.count("Later") == 1
    assert "it said: 451 4.7.1 Wait a while." in said


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (GoesOn(TOMORROW, True), "the warm-up was halted for today, and goes on at 00:00 CET on 23 November; 3 wait"),
        (GoesOn(TOMORROW, False), "the warm-up's allowance is used for now, and more goes at 00:00 CET on 23 November"),
        (
            GoesOn(NOON + timedelta(hours=4), False),
            "allowance is used for now, and more goes at 16:00 CET",
        ),
        (
            GoesOn(NOON - timedelta(minutes=1), False),
            "the warm-up's allowance is used for now, and grows over the day;",
        ),
        (None, "the warm-up's allowance is used for now, and grows over the day; 3 wait"),
    ],
)
def test_a_warm_up_says_when_it_goes_on(later: GoesOn | None, words: str) -> None:
    limit = Limit("google")
    limit.cap = 0
    with clock.moved(NOON - datetime.now(UTC)):
        said = describe({"google": 3}, {"google": limit}, 0.0, BRUSSELS, {"google": later} if later else {})
    assert said.startswith("Gmail, Google Workspace: the warm-up")
    assert words in said
    assert "within the hour" not in said
