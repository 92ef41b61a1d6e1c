"""Subjects with merge tags, as people who look them over read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.readable import Piece, pieces


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The doves are back", "The doves are back"),
        ('{{ subscriber.first_name | fallback("friend") }}, a letter', "[first name], a letter"),
        ("{{- subscriber.town -}} and more", "[town]and more"),
        ("{% if subscriber.member %}For members{% else %}For all{% endif %}", "For membersFor all"),
        ("{# not for readers #}News", "News"),
        ('{{ "{{" }} is how a tag begins', "{{ is how a tag begins"),
        ("{{ subscriber.first_name", "{{ subscriber.first_name"),
    ],
)
def test_personal_values_get_their_names(text: str, shown: str) -> None:
    assert "".join(f"[{piece.text}]" if piece.source else piece.text for piece in pieces(text)) == shown


def test_the_source_stays_at_hand() -> None:
    source = '{{ subscriber.first_name | fallback("friend") }}'
    assert pieces(f"Dear {source}") == [Piece("Dear "), Piece("first name", source)]


@given(st.text())
def test_any_text_can_be_shown(text: str) -> None:
    assert all(piece.text or piece.source for piece in pieces(text))


@given(st.text(alphabet=st.characters(exclude_characters="{}")))
def test_a_text_without_tags_is_itself(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text
