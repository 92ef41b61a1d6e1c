"""Pieces of quoted-printable can be joined, decode to what went in, and keep the limits of the wire."""

import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from app.rendering.quoted import quote, quote_value

texts = st.text(alphabet=st.one_of(st.sampled_from(" \t\n\r.=<&aé😀ש"), st.characters(exclude_categories=["Cs"])))


@given(st.lists(texts, max_size=6))
@example([". a", ".", "x" * 75, "x" * 76, "=" * 30, "a ", "\t\n. \n"])
@example(["a" * 72 + ".b", "é" * 40, "x" * 74 + "é"])
def test_joined_pieces_decode_to_the_joined_texts(pieces: list[str]) -> None:
    wire = b"".join(quote(piece) for piece in pieces)
    wanted = "".join(piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces)
    assert quopri.decodestring(wire).decode().replace("\r\n", "\n") == wanted
    assert_fit_for_the_wire(wire)


@given(texts)
@example("https://t.example.com/u/AbC")
@example("a" * 75)
@example("a" * 76)
@example(".hidden")
@example("tail ")
def test_values_are_escaped_for_html_only(value: str) -> None:
    plain, markup = quote_value(value)
    wanted = value.replace("\r\n", "\n").replace("\r", "\n")
    assert quopri.decodestring(plain).decode().replace("\r\n", "\n") == wanted
    html = quopri.decodestring(markup).decode().replace("\r\n", "\n")
    assert not set("<>\"'") & set(html)
    assert (
        html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
        == wanted
    )
    assert_fit_for_the_wire(plain)
    assert_fit_for_the_wire(markup)


def test_lone_surrogates_do_not_stop_a_mail() -> None:
    assert quote("a\ud800b") == b"a?b=\r\n"


def assert_fit_for_the_wire(wire: bytes) -> None:
    if not wire:
        return
    assert wire.endswith(b"\r\n")
    assert wire.isascii()
    for line in wire.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 76
        assert b"\n" not in line
        assert b"\r" not in line
        assert not line.startswith(b".")
        assert not line.endswith((b" ", b"\t"))
