"""No picture, no certificate and no extension, however it is made, brings the judges down."""

import base64
import gzip
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from app.core import clock
from app.deliverability.domains.bimi.certificate import judge_certificate
from app.deliverability.domains.bimi.logotype import pictures_in
from app.deliverability.domains.bimi.picture import judge_picture
from app.deliverability.domains.words import words_of
from tests.deliverability.domains.marks import INNER, ROOT, Issuer, der, logotype, pem, svg
from tests.deliverability.domains.nest import NAME

# The library warns of what it will not read some day, such as serial numbers below zero.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

_PIECES = """
<svg> </svg> <title> </title> <g </g> /> > " ' = xmlns="http://www.w3.org/2000/svg" xmlns: viewBox=" 0 1e999 -1 nan
<!DOCTYPE <!ENTITY <![CDATA[ ]]> <!-- --> <?xml ?> &amp; &a; &#0; &#x202e; url( # href=" onload=" xlink: style=" id="a"
<script> <set/> version="1.2" baseProfile="tiny-ps" x="1" width="9px" encoding="utf-16" encoding="utf-7" \x00 \ufeff
"""
PIECES = st.sampled_from([*_PIECES.split(" "), " ", "\n"])
ISSUER = Issuer()
OWN = ISSUER.mark()
DER = OWN.public_bytes(Encoding.DER)


def told(problems: object) -> None:
    """Each has its words, and nothing that a database or a page could stumble over."""
    for problem in problems:  # type: ignore[attr-defined]
        assert words_of(problem)
        assert all(letter.isprintable() for _name, value in problem.values for letter in value), problem


@given(st.binary(max_size=400))
def test_any_bytes_as_a_picture(data: bytes) -> None:
    told(judge_picture(data))


@given(st.lists(PIECES, max_size=40), st.sampled_from(["utf-8", "utf-16", "utf-16-be", "latin-1"]), st.booleans())
def test_any_text_as_a_picture(pieces: list[str], encoding: str, is_within: bool) -> None:
    text = "".join(pieces)
    text = f"<svg {ROOT}>{INNER}{text}</svg>" if is_within else text
    told(judge_picture(text.encode(encoding, "replace")))


@given(st.binary(max_size=40), st.integers(0, len(svg())))
def test_a_picture_with_any_bytes_in_it(data: bytes, place: int) -> None:
    told(judge_picture(svg()[:place] + data + svg()[place:]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "picture",
    [
        svg("<g>" * 20_000),
        svg("<g/>" * 15_000),
        svg("<g " + " ".join(f'a{number}="url("' for number in range(5_000)) + "/>"),
        svg(f'<path d="{"url(" * 15_000}"/>'),
        svg(f"<title>{'&amp;' * 12_000}</title>"),
        b" " * 200_000,
        svg('<g xmlns:a="b">' * 255 + "</g>" * 255),
    ],
)
def test_the_largest_pictures_take_no_time(picture: bytes) -> None:
    began = time.monotonic()
    told(judge_picture(picture))
    assert time.monotonic() - began < 1


@given(st.binary(max_size=400))
def test_any_bytes_as_a_certificate(data: bytes) -> None:
    told(judge_certificate(data, [NAME], clock.now()).problems)
    framed = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(data) + b"\n-----END CERTIFICATE-----\n"
    told(judge_certificate(framed, [NAME], clock.now()).problems)
    told(judge_certificate(data + pem(OWN) + data, [NAME], clock.now()).problems)


@given(st.integers(0, len(DER) - 1), st.binary(min_size=1, max_size=4))
def test_a_certificate_with_any_bytes_in_it(place: int, data: bytes) -> None:
    broken = DER[:place] + data + DER[place + len(data) :]
    framed = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(broken) + b"\n-----END CERTIFICATE-----\n"
    told(judge_certificate(framed + pem(ISSUER.issuing.certificate), [NAME], clock.now()).problems)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_as_logos_within(data: bytes, place: int) -> None:
    whole = logotype(svg())
    pictures_in(data)
    pictures_in(whole[:place] + data + whole[place:])


def test_logos_within_are_found_however_they_are_written() -> None:
    assert pictures_in(logotype(svg())) == [svg()]
    plain = der(0x16, b"data:image/svg+xml;charset=utf-8;base64," + base64.b64encode(svg()))
    assert pictures_in(der(0x30, plain, plain)) == [svg(), svg()]
    for other in (b"https://b.test/a.svg", b"data:image/png;base64,AAAA", b"data:image/svg+xml;base64,%%%"):
        assert pictures_in(der(0x16, other)) == []
    bomb = der(0x16, b"data:image/svg+xml;base64," + base64.b64encode(gzip.compress(b" " * 20_000_000)))
    assert pictures_in(bomb) == []
    nested = b""
    for _deep in range(2000):
        nested = der(0x30, nested)
    assert pictures_in(nested) == []
