"""Importing from the shell: a list that did not exist is made, and nobody overlooks it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.lists import create_list
from app.audience.models import MailingList
from app.core.database import db
from app.core.settings import Settings
from tests.conftest import SECRET

Said = Callable[..., str]


@pytest.fixture
def merpati(settings: Settings, scope: Workspace) -> Said:
    """Runs a command; gives what it said beside its result, or the help it printed."""
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MERPATI_SECRET_KEY": SECRET,
        "MERPATI_HOME": str(settings.home),
    }

    def run(*words: object, code: int = 0) -> str:
        command = [sys.executable, "-m", "app.cli", *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stderr
        db.session.expire_all()
        return done.stdout if "--help" in words else done.stderr

    return run


@pytest.mark.long
def test_a_new_list_is_said_with_those_there_are(merpati: Said, scope: Workspace, tmp_path: Path) -> None:
    create_list("Letters")
    db.session.commit()
    there = ("--workspace", scope.slug, "--json")
    file = tmp_path / "people.csv"
    file.write_text("email\nada@example.org\n")
    dry = merpati("import", file, "--list", "Leters", "--dry-run", *there)
    assert "There is no list “Leters”: it would be made. There were already: “Letters”." in dry
    assert db.session.scalars(select(MailingList.name)).all() == ["Letters"]
    assert "Made the list “Leters”. There were already: “Letters”." in merpati(
        "import", file, "--list", "Leters", *there
    )
    assert "list" not in merpati("import", file, "--list", "Letters", *there)


def test_the_command_is_called_by_its_name(merpati: Said) -> None:
    wrong = merpati("import", code=2)
    assert wrong.startswith("Usage: merpati import")
    assert "undo" in merpati("campaign", "--help")
