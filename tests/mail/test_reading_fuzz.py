"""The benchmark that damages mail, on the tests' own letters: what it finds and what it lets pass."""

import random

import pytest

from app.mail import reading
from benchmarks import reading_fuzz
from benchmarks.reading_fuzz import MUTATIONS, heavy_mails, measure
from benchmarks.reading_labels import own_letters

pytestmark = pytest.mark.slow

LETTERS = [label.raw for label in own_letters()]


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_kind_of_damage_is_borne(name: str) -> None:
    chance = random.Random(name)
    worst = measure((name, MUTATIONS[name](raw, LETTERS, chance)) for raw in LETTERS)
    assert (worst.raised, len(worst.seconds)) == (0, len(LETTERS))


def test_the_same_seed_makes_the_same_mutants() -> None:
    one, other = (list(reading_fuzz._mutants(LETTERS, random.Random(7), 20)) for _ in range(2))
    assert one == other


def test_heavy_mail_has_the_weight_that_its_name_says() -> None:
    sizes = {name: len(raw) for name, raw in heavy_mails(LETTERS) if name.startswith("100 MB of text")}
    assert sizes["100 MB of text"] >= 100 * 1024 * 1024


def test_what_raises_is_counted(monkeypatch, capsys) -> None:
    def raises(_raw: bytes) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(reading_fuzz, "read_mail", raises)
    assert measure([("flipped", b"x"), ("cut", b"y")]).raised == 2
    assert "flipped" in capsys.readouterr().err


def test_what_the_reader_itself_catches_is_counted(monkeypatch, capsys) -> None:
    def breaks(_mail: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(reading, "read_dsn", breaks)
    worst = measure([("flipped", b"From: ada@example.org\n\nHi")])
    assert (worst.raised, worst.kinds["none"]) == (1, 1)
    assert "flipped: could not be read: IndexError" in capsys.readouterr().err
