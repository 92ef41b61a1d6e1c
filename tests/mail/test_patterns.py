"""No pattern of the reader runs long on what a hostile mail may hold: time grows with the length, not its square."""

import re
import time
from typing import Any

import pytest

from tests.mail.patterns import all_patterns, hostile_texts

pytestmark = pytest.mark.slow

SIZE = 32 * 1024
"""Of a text: as much as own_words gives to the patterns."""
SIZES = {"letter": 100_000}
"""The same where a module reads more."""
TASTE = 1024
"""Every text is tried at this size, and those that take longest at the whole one."""
PATIENCE = 0.12
"""Seconds of CPU for one pattern on one text. The slowest that is linear takes 0.05, most take a hundredth of that."""
SHORT = {
    # Lines are cut to 1,000 characters, and matched from their beginning only.
    "prose_lists._ENTRY": 1000,
    "prose_lists._HEADING": 1000,
}

PATTERNS = dict(all_patterns())


def test_the_probe_finds_what_is_quadratic() -> None:
    assert _slowest(re.compile(r"direcci\w+ siguiente"), SIZE)[0] > PATIENCE
    assert len(PATTERNS) > 100


@pytest.mark.parametrize("place", PATTERNS)
def test_no_pattern_is_held(place: str) -> None:
    size = SIZES.get(place.partition(".")[0], SIZE)
    for _again in range(3):  # a machine that does much else slows what is measured, but not three times
        seconds, text = _slowest(PATTERNS[place], size, line=SHORT.get(place, 0))
        if seconds < PATIENCE:
            return
    pytest.fail(f"{seconds:.2f} s on {text}")


def _slowest(pattern: re.Pattern[Any], size: int, *, line: int = 0) -> tuple[float, str]:
    tasted = ((_seconds(pattern, text, line), name) for name, text in hostile_texts(pattern, TASTE))
    longest = {name for _, name in sorted(tasted, reverse=True)[:15]}
    whole = ((text, name) for name, text in hostile_texts(pattern, size) if name in longest)
    return max((_seconds(pattern, text, line), name) for text, name in whole)


def _seconds(pattern: re.Pattern[Any], text: Any, line: int) -> float:
    begun = time.thread_time()
    if line:
        for start in range(0, len(text), line):
            pattern.match(text[start : start + line])
    else:
        for _found in pattern.finditer(text):
            pass
    return time.thread_time() - begun
