"""What a campaign's page says of slowed providers."""

import time

from app.sending.pacing.limits import Limit
from app.sending.pacing.words import describe

LONG = (
    "421 4.7.28 Gmail has detected an unusual rate of mail from your IP. "
    "https://support.example.com/mail/?p=UnsolicitedRateLimitError to learn how to go on"
)


def said_of(why: str) -> str:
    limit = Limit("google")
    limit.rate, limit.why, limit.since = 2.0, why, time.time()
    return describe({"google": 3}, {"google": limit}, time.monotonic())


def test_a_long_reply_ends_at_a_word() -> None:
    said = said_of(LONG)
    assert said.endswith("it said: 421 4.7.28 Gmail has detected an unusual rate of mail from your IP. …")


def test_a_short_reply_is_told_whole() -> None:
    assert said_of("451 4.7.1 Try again later.").endswith("3 wait; it said: 451 4.7.1 Try again later.")


def test_one_without_spaces_is_cut_all_the_same() -> None:
    assert said_of("x" * 300).endswith(f"it said: {'x' * 120}…")
