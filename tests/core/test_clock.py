"""The clock that tests can move."""

from datetime import UTC, datetime, timedelta

from app.core import clock


def test_the_time_is_utc_and_now() -> None:
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_moves_add_up_and_end_with_their_block() -> None:
    with clock.moved(timedelta(days=2)):
        with clock.moved(timedelta(days=-1)):
            assert _ahead() == 1
        assert _ahead() == 2
    assert _ahead() == 0


def test_a_move_ends_with_an_error_too() -> None:
    try:
        with clock.moved(timedelta(days=3)):
            raise ValueError
    except ValueError:
        assert _ahead() == 0


def _ahead() -> int:
    return round((clock.now() - datetime.now(UTC)) / timedelta(days=1))
