"""Character references from outside: each a character, none an error."""

import html
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.entities import unescaped
from app.rendering.design import compile_design


@pytest.mark.parametrize("length", [8, 4300, 4301, 5600, 120_000])
@pytest.mark.parametrize("lead", ["&#", "&#x", "&#X"])
@pytest.mark.parametrize("end", ["", ";", "z"])
def test_a_number_without_end_is_no_character(length: int, lead: str, end: str) -> None:
    assert unescaped(f"hi {lead}{'1' * length}{end}") == "hi \N{REPLACEMENT CHARACTER}" + end.replace(";", "")


@pytest.mark.parametrize("zeros", [0, 7, 5000])
def test_leading_zeros_change_nothing(zeros: int) -> None:
    assert unescaped(f"&#{'0' * zeros}65;&#x{'0' * zeros}42;&#{'0' * zeros}67") == "ABC"


@given(
    st.lists(
        st.sampled_from(["&", "#", "&#", "x", "X", ";", "0", "1", "9", "41", "f", "amp", "lt", "copy", " ", "é", "٣"]),
        max_size=20,
    )
)
def test_whatever_python_can_it_says_the_same(pieces: list[str]) -> None:
    assert unescaped("".join(pieces)) == html.unescape("".join(pieces))


def test_a_hundred_thousand_of_them_take_a_moment() -> None:
    for text in ("&#" * 60_000, "&#0" * 40_000, "&#x" * 40_000, "&#1" * 40_000, "&#" + "0" * 128_000):
        begun = time.process_time()
        unescaped(text)
        assert time.process_time() - begun < 1.0


def test_a_design_with_a_number_too_long_is_no_accident() -> None:
    long = f"&#{'9' * 5000};"
    design = compile_design(
        f'<mjml><mj-body><mj-section><mj-column><mj-text><a href="https://www.example.com/{long}">Read {long} '
        "</a></mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    assert "\N{REPLACEMENT CHARACTER}" in design.html
