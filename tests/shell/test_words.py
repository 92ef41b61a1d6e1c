"""What commands say to people: mails read in words, imports counted in rows."""

import io
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from app.audience.imports.merge import Counts
from app.audience.imports.run import Progress
from app.shell.classify import classify_paths
from app.shell.importing import counted


def said(path: Path) -> str:
    command = click.command()(lambda: classify_paths((path,), as_json=False))
    return CliRunner().invoke(command, []).output


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        (b"From: ada@example.com\nSubject: Hello\n\nHello there.\n", "none"),
        (b"From: ada@example.com\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nBack soon.\n", "autoreply"),
    ],
)
def test_each_mail_has_its_kind_and_why_in_words(tmp_path: Path, mail: bytes, words: str) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(mail)
    line = said(path)
    assert line.startswith(f"{path}: {words}: ")
    assert len(line.removeprefix(f"{path}: {words}: ").split()) >= 3


def test_the_bar_counts_rows() -> None:
    out = io.StringIO()
    with counted(Console(file=out, force_terminal=True, width=100), size=62) as report:
        report(Progress(rows_done=3, bytes_done=62, size_bytes=62, counts=Counts(added=3)))
    assert "3 rows" in out.getvalue()
    assert "62/62" not in out.getvalue()
