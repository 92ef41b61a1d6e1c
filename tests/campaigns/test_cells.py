"""The draw: the same in Python and PostgreSQL, even, and every number in exactly one cell."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.cells import NUMBER_SQL, NUMBERS, draw, slices
from app.core.database import db
from app.core.errors import Invalid

ids = st.integers(1, 2**63 - 1)
salts = st.text(alphabet="0123456789abcdef", min_size=1, max_size=16)


@st.composite
def share_lists(draw_value: st.DrawFn) -> list[float]:
    """One to four shares that add up to 1, in whole percents."""
    count = draw_value(st.integers(1, 4))
    cuts = sorted(draw_value(st.sets(st.integers(1, 99), min_size=count - 1, max_size=count - 1)))
    edges = [0, *cuts, 100]
    return [(high - low) / 100 for low, high in pairwise(edges)]


@given(salt=salts, people=st.lists(ids, min_size=1, max_size=50))
@settings(max_examples=30, deadline=None)
def test_python_and_postgresql_draw_the_same(context_of_run: None, salt: str, people: list[int]) -> None:
    people_rows = " FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY u(id, n) ORDER BY n"
    query = text(" ".join(["SELECT", NUMBER_SQL.replace("{id}", "id"), people_rows]))
    drawn = db.session.scalars(query, {"salt": salt, "ids": people}).all()
    assert drawn == [draw(salt, number) for number in people]


@given(salt=salts, person=ids)
def test_numbers_stay_in_range(salt: str, person: int) -> None:
    assert 0 <= draw(salt, person) < NUMBERS


def test_the_draw_is_even_and_independent_between_salts() -> None:
    size, parts = 100_000, 20
    first = [draw("4f6c", number) for number in range(1, size + 1)]
    counts = Counter(number * parts // NUMBERS for number in first)
    expected = size / parts
    # Chi-squared with 19 degrees of freedom stays below 43.8 in 999 of 1,000 draws; this draw is fixed.
    assert sum((counts[part] - expected) ** 2 / expected for part in range(parts)) < 43.8
    both = sum(1 for number, one in enumerate(first, 1) if one < NUMBERS // 2 and draw("a113", number) < NUMBERS // 2)
    assert abs(both - size / 4) < 700


@given(shares=share_lists(), held_out=st.integers(0, 50))
def test_cells_cover_every_number_exactly_once(shares: list[float], held_out: int) -> None:
    cells = slices(shares, held_out / 100)
    assert cells[0].low == 0
    assert cells[-1].high == NUMBERS
    assert all(before.high == after.low for before, after in pairwise(cells))
    assert [cell.position for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        wanted = held_out / 100 if cell.variant is None else shares[cell.variant] * (1 - held_out / 100)
        assert abs(cell.share - wanted) <= 2 / NUMBERS
    assert (cells[-1].variant is None) == (held_out > 0)


@pytest.mark.parametrize(
    ("shares", "held_out"), [([], 0), ([0.5, 0.4], 0), ([0.6, 0.6], 0), ([1.0, 0.0], 0), ([1.0], 0.51), ([1.0], -0.1)]
)
def test_shares_that_do_not_add_up_are_refused(shares: list[float], held_out: float) -> None:
    with pytest.raises(Invalid):
        slices(shares, held_out)


@pytest.fixture(scope="module")
def context_of_run(app):  # type: ignore[no-untyped-def]
    """One context for all examples."""
    with app.app_context():
        assert Workspace.__tablename__
        yield
