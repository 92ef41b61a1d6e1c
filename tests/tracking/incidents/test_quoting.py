"""What servers said, as it stands in mails to owners."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracking.incidents.quoting import LONGEST, quote_foreign

pieces = st.one_of(
    st.sampled_from([*("http://", "HTTPS://", "ftp://", "www.", "evil", ".example"), *"。@/ ”\n\u202e"]),
    st.text(max_size=9),
)


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        (
            "550 5.7.1 Blocked - see https://dnsbl.example/q?ip=1",
            "550 5.7.1 Blocked - see hxxps://dnsbl[.]example/q?ip=1",
        ),
        ("HTTP://Evil.Example", "hxxp://Evil[.]Example"),
        ("ask postmaster@gmx.example\r\nnow", "ask postmaster(at)gmx[.]example now"),
        ("evil．example or evil。example", "evil[.]example or evil[.]example"),
        ("see www.1und1.example, ftp://x", "see www[.]1und1[.]example, ftp[:]//x"),
        ("554 Try again. Later.", "554 Try again. Later."),
        ("it said “all is well” ", "it said 'all is well'"),
    ],
)
def test_the_words_stay_and_nothing_is_a_link(said: str, quoted: str) -> None:
    assert quote_foreign(said) == quoted


@given(st.lists(pieces, max_size=60).map("".join))
def test_whatever_was_said_no_address_is_left(said: str) -> None:
    quoted = quote_foreign(said)
    assert not re.search(r"[a-z0-9]\.[a-z]{2}|(?<!hxxp)(?<!hxxps)://|@|www\.", quoted, re.IGNORECASE | re.ASCII)
    assert not set(quoted) & set('"“”\r\n\u202e')
    assert len(quoted) <= 4 * LONGEST
