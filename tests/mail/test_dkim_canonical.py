"""The canonical forms are those of RFC 6376 and of dkimpy, whatever the mail."""

from base64 import b64encode
from hashlib import sha256

import pytest
from dkim import rfc822_parse
from dkim.canonicalization import Relaxed, Simple
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.mail.canonical import relaxed_body, relaxed_fields, simple_body

BLANKS = [b" ", b"  ", b"   ", b" " * 9, b"\t", b" \t", b"\t\t", b"\r\n", b"\r\n\r\n", b" \r\n", b"\t\r\n \r\n"]
OTHERS = [b"\r", b"\n", b"\n\r", b"a", b"Bc", b".", b"=20", b"\x00", b"\x0b", b"\x0c", b"\x85", b"\xa0", b"\xc3\xbc"]
BODIES = st.lists(st.sampled_from(BLANKS + OTHERS), max_size=40).map(b"".join) | st.binary(max_size=60)

# Without other white space than the two kinds of RFC 6376 §2.8, of which dkimpy strips more than it should.
VALUES = st.lists(
    st.sampled_from([b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b":", b"a", b"B", b"=?", b"\xc3\xbc"]), max_size=20
)
NAMES = st.sampled_from([b"From", b"FROM", b"To", b"X-Odd", b"Subject", b"List-Id"])


def hashed(body: bytes) -> str:
    return b64encode(sha256(body).digest()).decode()


@settings(max_examples=600)
@given(BODIES)
@example(b"")
@example(b" ")
@example(b"\r\n \t\r\n")
@example(b"a  \r\n\t\r")
@example(b"   a   b    c")
def test_bodies_are_as_dkimpy_has_them(body):
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    assert relaxed_body(body) == Relaxed.canonicalize_body(ended)
    assert simple_body(body) == Simple.canonicalize_body(ended)


@given(BODIES)
def test_a_canonical_body_is_its_own_canonical_form(body):
    assert relaxed_body(relaxed_body(body)) == relaxed_body(body)
    assert simple_body(simple_body(body)) == simple_body(body)


@settings(max_examples=400)
@given(st.lists(st.tuples(NAMES, VALUES.map(b"".join)), min_size=1, max_size=8))
def test_fields_are_as_dkimpy_has_them(fields):
    head = b"\r\n".join(name + b":" + value for name, value in fields)
    expected: dict[bytes, list[bytes]] = {}
    for name, value in Relaxed.canonicalize_headers(rfc822_parse(head + b"\r\n\r\n")[0]):
        expected.setdefault(name, []).append(name + b":" + value.removesuffix(b"\r\n"))
    assert relaxed_fields(head) == expected


def test_the_example_of_rfc_6376_section_3_4_5():
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert relaxed_fields(b"A: X\r\nB : Y\t\r\n\tZ  ") == {b"a": [b"a:X"], b"b": [b"b:Y Z"]}
    assert relaxed_body(body) == b" C\r\nD E\r\n"
    assert simple_body(body) == b" C \r\nD \t E\r\n"


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n"])
def test_an_empty_body_has_the_hashes_of_rfc_6376(body):
    assert hashed(simple_body(body)) == "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="
    assert hashed(relaxed_body(body)) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_the_body_of_rfc_8463_has_its_hash():
    body = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
    assert hashed(relaxed_body(body)) == "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="


@pytest.mark.parametrize("body", [b"a", b"a \t", b"a\r\n\r\nb  c ", b"a\r"])
def test_a_last_line_without_end_counts_as_ended(body):
    assert relaxed_body(body) == relaxed_body(body + b"\r\n")
    assert simple_body(body) == simple_body(body + b"\r\n")
