"""What nobody sees in a text of strangers, made visible."""

import sys
import time
import unicodedata

import pytest
from markupsafe import Markup

from app.core.visible import said, visible, visible_line

TURNING = frozenset({"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI", "BN"})
ARABIC_SIGNS = frozenset({*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2})
"""Of the category of formats, and yet they have a shape, as those of Kaithi and of the hieroglyphs have."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 日本語, עברית\tand\nlines\r\n", "plain, naïve, 日本語, עברית\tand\nlines\r\n"),
        ("\x00 \x07 \x1b[31m \x7f", "<U+0000> <U+0007> <U+001B>[31m <U+007F>"),
        ("a\rb", "a<U+000D>b"),
        ("\x9b \x85", "<U+009B> <U+0085>"),
        ("exe.\u202etxt\u2066\u2069\u200e\u061c", "exe.<U+202E>txt<U+2066><U+2069><U+200E><U+061C>"),
        ("pay\u200bpal\u2060\ufeff\xad", "pay<U+200B>pal<U+2060><U+FEFF><U+00AD>"),
        ("ada\u200c@x.test \u200d", "ada<U+200C>@x.test <U+200D>"),
        ("می\u200cخواهم क्\u200dष 👩\u200d🚀 ❤\ufe0f\u200d🔥", "می\u200cخواهم क्\u200dष 👩\u200d🚀 ❤\ufe0f\u200d🔥"),
        ("🚀\u200d\u200d🚀 न\u200c", "🚀<U+200D><U+200D>🚀 न<U+200C>"),
        ("\ud800 \U000e0041 \u3164 \u2028", "<U+D800> <U+E0041> <U+3164> <U+2028>"),
        ("\u200b\u200b\u200b", "<U+200B><U+200B><U+200B>"),
        ("\u200b" * 57 + "\0" * 9, "<U+200B>×57<U+0000>×9"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_of_all_letters_none_hides_or_turns_the_line() -> None:
    left = []
    for number in range(sys.maxunicode + 1):
        shown = visible(f"a{chr(number)}a")
        shown.encode()
        assert visible(shown) == shown
        turns = unicodedata.bidirectional(chr(number)) in TURNING
        if chr(number) in shown and (turns or unicodedata.category(chr(number)) in ("Cc", "Cf", "Cs", "Zl", "Zp")):
            left.append(number)
    visible_by_themselves = [number for number in left if number in ARABIC_SIGNS or 0x110BD <= number <= 0x13438]
    assert left == [0x9, 0xA, *visible_by_themselves]


def test_what_is_said_is_set_apart_and_stays_text() -> None:
    assert said("<b>\u202e&") == "<bdi>&lt;b&gt;&lt;U+202E&gt;&amp;</bdi>"
    assert isinstance(said("x"), Markup)
    words = Markup("their program&#39;s &lt;b&gt;\u202e")  # as a macro gives them
    assert visible(words) == "their program's <b><U+202E>"
    assert said(words) == "<bdi>their program&#39;s &lt;b&gt;&lt;U+202E&gt;</bdi>"
    assert not isinstance(visible(words), Markup)
    assert (said(""), said(None), visible(None)) == ("", "", "")


def test_on_one_line_all_has_a_shape() -> None:
    assert visible_line("a\tb\nc\xa0d\u3000\u202e\0") == "a b c d <U+202E><U+0000>"
    assert all(visible_line(chr(number)).isprintable() for number in range(sys.maxunicode + 1))


@pytest.mark.parametrize("text", ["\0\x01", "\u200b", "\u200c\u200d", "\u200c", "a\r", "a"])
def test_much_of_it_takes_no_time(text: str) -> None:
    begun = time.process_time()
    visible(text * (400_000 // len(text)))
    assert time.process_time() - begun < 1
