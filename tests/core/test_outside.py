"""Requests that wait for other machines take few of the threads, and give them back."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask, current_app

from app.core.database import in_workspace
from app.core.errors import Busy
from app.core.outside import waiting_outside
from app.core.settings import Settings


@pytest.fixture
def eight_threads(context: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ours = settings.model_copy(update={"web_threads": 8})
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)
    yield
    with ExitStack() as held:  # everything was given back
        for number in (901, 902):
            _take(held, number)


def _take(held: ExitStack, workspace_id: int) -> float:
    with in_workspace(workspace_id):
        return held.enter_context(waiting_outside(10))


@pytest.mark.usefixtures("eight_threads")
def test_a_quarter_of_the_threads_may_wait() -> None:
    with ExitStack() as held:
        _take(held, 1)
        _take(held, 2)
        with pytest.raises(Busy, match="Nothing was changed by this one; try again in a few seconds"):
            _take(held, 3)
    with ExitStack() as held:
        _take(held, 3)


@pytest.mark.usefixtures("eight_threads")
def test_a_workspace_waits_once() -> None:
    with ExitStack() as held:
        _take(held, 1)
        with pytest.raises(Busy):
            _take(held, 1)
        _take(held, 2)


@pytest.mark.usefixtures("eight_threads")
def test_whoever_breaks_off_gives_the_place_back() -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), in_workspace(1), waiting_outside(10) as until:
            assert until / 0


@pytest.mark.usefixtures("context")
def test_one_may_always(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(current_app.extensions, "merpati.settings", settings.model_copy(update={"web_threads": 1}))
    with ExitStack() as held:
        _take(held, 1)


@pytest.mark.usefixtures("eight_threads")
def test_never_more_however_many_come_at_once(app: Flask) -> None:
    let_in, turned_away, go, leave = list[int](), list[int](), threading.Barrier(24), threading.Event()

    def come(workspace_id: int) -> None:
        with app.app_context():
            go.wait(10)
            try:
                with ExitStack() as held:
                    _take(held, workspace_id)
                    let_in.append(workspace_id)
                    leave.wait(10)
            except Busy:
                turned_away.append(workspace_id)
                if len(turned_away) == 22:
                    leave.set()

    threads = [threading.Thread(target=come, args=[number % 12 + 1]) for number in range(24)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert (len(let_in), len(set(let_in)), len(turned_away)) == (2, 2, 22)
