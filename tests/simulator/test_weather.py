"""Providers that change their minds while the world runs."""

from pathlib import Path

import pytest

from app.core.errors import SettingsError
from app.simulator.truth import summarise
from app.simulator.weather import Weather, change_weather, read_moods
from tests.simulator.worlds import NOTHING, config_for, exchanger, newsletter, running, send, wait_for

SITE = "http://127.0.0.1:8025"


def test_only_news_is_told(tmp_path: Path) -> None:
    path = tmp_path / "moods.json"
    weather = Weather(path)
    assert weather.changed() is None
    change_weather(path, {"yahoo": {"blocklist": 0.5}})
    assert weather.changed() == read_moods('{"yahoo": {"blocklist": 0.5}}')
    assert weather.changed() is None
    path.unlink()
    assert weather.changed() == {}
    assert weather.changed() is None


@pytest.mark.parametrize("written", ["{", "[]", '{"yahoo": 1}', '{"yahoo": {"anger": 1}}', '{"nobody": {}}'])
def test_nonsense_is_refused(written: str) -> None:
    with pytest.raises(SettingsError):
        read_moods(written)


def test_a_block_sends_mail_back_and_is_lifted(tmp_path: Path) -> None:
    moods, truth = tmp_path / "moods.json", tmp_path / "truth.jsonl"
    with exchanger() as sender:
        config = config_for(
            bounce_smtp=sender.address, rates=NOTHING, mood_path=moods, truth_path=truth, time_scale=0.00001
        )
        with running(config) as world:
            change_weather(moods, {"yahoo": {"blocklist_later": 1.0}})
            wait_for(lambda: "yahoo" in world.world.gate.moods)
            for number in range(12):
                send(world, newsletter(SITE, f"p{number}@yahoo.example.com", number))
            send(world, newsletter(SITE, "ada@gmail.example.com", 99))
            wait_for(lambda: len(sender.mails) == 12)
            change_weather(moods, {})
            wait_for(lambda: not world.world.gate.moods)
            send(world, newsletter(SITE, "p0@yahoo.example.com", 0))
            world.settle()
    kinds = {b"multipart/report" in mail.content for mail in sender.mails}
    assert kinds == {True, False}
    assert all(b"5.7.1" in mail.content and b"blocked using" in mail.content for mail in sender.mails)
    found = summarise(truth)
    assert (found.accepted, found.returned, found.duplicates) == (2, 12, 0)
