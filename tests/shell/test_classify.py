"""`merpati bounces classify` says what it could not read and reads all the rest."""

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.cli import main

HELLO = b"From: ada@example.com\nSubject: Hello\n\nHello there.\n"
AWAY = b"From: bob@example.com\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nBack soon.\n"


def classify(*words: object, given: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["bounces", "classify", *map(str, words), "--json"], input=given)


def told(result: Result) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return [(Path(one["path"]).name, one["kind"]) for one in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.eml").write_bytes(HELLO)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.eml").write_bytes(AWAY)
    return tmp_path


def test_a_folder_is_read_by_name_and_to_its_ground(folder: Path) -> None:
    result = classify(folder)
    assert told(result) == [("a.eml", "none"), ("b.eml", "autoreply")]
    assert result.exit_code == 0
    assert result.stderr == ""


def test_one_missing_path_costs_itself_only(folder: Path) -> None:
    result = classify(folder / "gone.eml", folder / "a.eml")
    assert told(result) == [("a.eml", "none")]
    assert result.exit_code == 1
    assert "gone.eml: not read: there is no such file or folder" in result.stderr


def test_an_unreadable_file_and_folder_cost_themselves_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "closed.eml").write_bytes(HELLO)
    closed = folder / "closed"
    closed.mkdir()
    opened, walked = click.open_file, os.scandir

    def open_file(name: str, mode: str) -> object:
        if name.endswith("closed.eml"):
            raise PermissionError(13, "Permission denied", name)
        return opened(name, mode)

    def scandir(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return walked(path)

    # The tests may run as root, whom no permission keeps out.
    monkeypatch.setattr(click, "open_file", open_file)
    monkeypatch.setattr(os, "scandir", scandir)
    result = classify(folder)
    assert told(result) == [("a.eml", "none"), ("b.eml", "autoreply")]
    assert result.exit_code == 1
    assert f"{closed}: not read: Permission denied" in result.stderr
    assert "closed.eml: not read: Permission denied" in result.stderr


def test_a_folder_without_a_mail_is_not_read_in_silence(tmp_path: Path) -> None:
    empty, pipes, box = tmp_path / "empty", tmp_path / "pipes", tmp_path / "box.mbox"
    (empty / "inner").mkdir(parents=True)
    pipes.mkdir()
    os.mkfifo(pipes / "pipe")
    box.write_bytes(b"")
    (tmp_path / "a.eml").write_bytes(HELLO)
    for nothing in (empty, pipes, box):
        result = classify(nothing)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"{nothing}: there is no mail in it\n"
    result = classify(empty, tmp_path / "a.eml")
    assert told(result) == [("a.eml", "none")]
    assert result.exit_code == 1
    assert f"{empty}: there is no mail in it" in result.stderr


def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert told(classify(folder)) == [("a.eml", "none"), ("b.eml", "autoreply")]


def test_standard_input_is_a_mail(folder: Path) -> None:
    assert told(classify("-", given=AWAY)) == [("-", "autoreply")]


def test_an_mbox_is_the_mails_in_it(folder: Path) -> None:
    both = b"".join(b"From someone@example.com Sun Nov 22 10:00:00 2026\n" + mail + b"\n" for mail in (HELLO, AWAY))
    (folder / "both.mbox").write_bytes(both)
    (folder / "both").write_bytes(both)
    assert told(classify(folder / "both.mbox")) == [("both.mbox", "none"), ("both.mbox", "autoreply")]
    assert told(classify("--mbox", folder / "both")) == [("both", "none"), ("both", "autoreply")]
    assert len(told(classify(folder / "both"))) == 1


def test_what_is_too_long_is_said_to_be_cut(folder: Path) -> None:
    (folder / "long.eml").write_bytes(HELLO + b"x" * 1024 * 1024)
    result = classify(folder / "long.eml")
    assert told(result) == [("long.eml", "none")]
    assert "long.eml: longer than 1024 KB" in result.stderr
    assert result.exit_code == 0
