"""Moods that change while the world runs: a JSON file of provider → what is out of the ordinary there.

`{"yahoo": {"blocklist": 0.5}}` and nothing else: who is not named is well again. Write it whole, by renaming.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from app.core.errors import SettingsError
from app.simulator.moods import ProviderMood
from app.simulator.providers import PROVIDERS


class Weather:
    """The file, looked at now and then. One that is not there means that all are well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def changed(self) -> dict[str, ProviderMood] | None:
        """The moods, when the file is another one than at the last look. Raises SettingsError for nonsense."""
        try:
            found = self._path.stat()
            mark = (found.st_mtime_ns, found.st_ino)
            if mark == self._seen:
                return None
            moods = read_moods(self._path.read_text("utf-8"), str(self._path))
        except FileNotFoundError:
            if self._seen is None:
                return None
            self._seen = None
            return {}
        self._seen = mark
        return moods


def read_moods(written: str, where: str = "The moods") -> dict[str, ProviderMood]:
    """Provider name → mood. Raises SettingsError."""
    try:
        read = json.loads(written)
        moods = {name: ProviderMood(**fields) for name, fields in read.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError(f"{where}: no moods of providers ({error}). Write them like {_EXAMPLE}.") from error
    if strangers := moods.keys() - PROVIDERS.keys():
        raise SettingsError(f"{where}: there is no provider {', '.join(sorted(strangers))}.")
    return moods


def change_weather(path: Path, moods: Mapping[str, Mapping[str, object]]) -> None:
    """Tell a world with this file how its providers feel from now on."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(moods), "utf-8")
    draft.replace(path)


_EXAMPLE = '{"yahoo": {"blocklist": 0.5}}'
