"""Files named on the command line lie in the folder of the person who called."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.shell.paths import GivenPath


@click.command()
@click.argument("file", type=GivenPath(exists=True))
def told(file: Path) -> None:
    click.echo(file.read_text())


def test_a_path_is_looked_for_where_the_caller_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.csv").write_text("theirs")
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("MERPATI_CALLED_FROM", str(tmp_path))
    monkeypatch.chdir(tmp_path / "other")
    assert CliRunner().invoke(told, ["people.csv"]).output == "theirs\n"
    assert CliRunner().invoke(told, [str(tmp_path / "people.csv")]).output == "theirs\n"
    missing = CliRunner().invoke(told, ["peple.csv"])
    assert missing.exit_code == 2
    assert str(tmp_path / "peple.csv") in missing.output


def test_without_the_script_it_is_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.csv").write_text("mine")
    monkeypatch.delenv("MERPATI_CALLED_FROM", raising=False)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(told, ["people.csv"]).output == "mine\n"
