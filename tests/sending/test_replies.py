"""The reply reader takes any bytes and never lies about what was said."""

from hypothesis import given
from hypothesis import strategies as st

from app.sending.replies import LONGEST_LINE, Reply, ReplyReader

words = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"))
)
replies = st.lists(st.tuples(st.integers(200, 599), st.lists(words, min_size=1, max_size=4)), max_size=6)


def wire(said: list[tuple[int, list[str]]], end: bytes = b"\r\n") -> bytes:
    lines = []
    for code, texts in said:
        lines += [f"{code}-{text}".encode() + end for text in texts[:-1]] + [f"{code} {texts[-1]}".encode() + end]
    return b"".join(lines)


@given(replies, st.lists(st.integers(1, 30), min_size=1), st.sampled_from([b"\r\n", b"\n"]))
def test_however_the_bytes_are_split_the_replies_are_the_same(
    said: list[tuple[int, list[str]]], cuts: list[int], end: bytes
) -> None:
    data, reader, got, turn = wire(said, end), ReplyReader(), [], 0
    while data:
        size = cuts[turn % len(cuts)]
        got += reader.feed(data[:size])
        data, turn = data[size:], turn + 1
    assert got == [Reply(code, "\n".join(texts)) for code, texts in said]
    assert reader.broken is None
    assert reader.is_empty


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_any_bytes_are_taken(pieces: list[bytes]) -> None:
    reader = ReplyReader()
    for piece in pieces:
        assert all(200 <= reply.code <= 599 for reply in reader.feed(piece))


@given(replies, st.binary(min_size=1, max_size=50).filter(lambda junk: not junk[:1].isdigit() and b"\n" not in junk))
def test_what_came_before_the_nonsense_counts(said: list[tuple[int, list[str]]], junk: bytes) -> None:
    reader = ReplyReader()
    assert len(reader.feed(wire(said) + junk + b"\r\n")) == len(said)
    assert reader.broken
    assert reader.feed(b"250 Ok\r\n") == []


def test_a_line_without_end_is_not_collected_for_ever() -> None:
    reader = ReplyReader()
    reader.feed(b"250 " + b"x" * LONGEST_LINE)
    assert reader.broken


def test_a_reply_without_end_is_not_collected_for_ever() -> None:
    reader = ReplyReader()
    for _ in range(10_000):
        reader.feed(b"250-more\r\n")
    assert reader.broken


def test_a_code_alone_is_a_reply() -> None:
    assert ReplyReader().feed(b"250\r\n") == [Reply(250, "")]


def test_codes_beyond_smtp_are_nonsense() -> None:
    for junk in (b"150 x\r\n", b"650 x\r\n", b"25 x\r\n", b"2500 x\r\n", b"\r\n"):
        reader = ReplyReader()
        assert reader.feed(junk) == []
        assert reader.broken
