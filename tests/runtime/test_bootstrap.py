"""The scripts in bin/, copied into a project of their own whose lock file names one tiny package."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

BIN = Path(__file__).resolve().parents[2] / "bin"
CLI = "import sys, dove; print('merpati', *sys.argv[1:], dove.VERSION)"

pytestmark = pytest.mark.long


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "merpati"
    shutil.copytree(BIN, project / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "app").mkdir()
    (project / "app/__init__.py").touch()
    (project / "app/cli.py").write_text(CLI)
    lock(project, "1.0")
    return project


def test_it_sets_up_once_and_again_only_when_something_changed(project: Path, tmp_path: Path) -> None:
    first = up(project, "--port", "9")
    assert first.stdout.splitlines()[-1] == "merpati up --port 9 1.0"
    assert "Installing 1 packages" in first.stdout

    shortcut = tmp_path / "shortcut"
    shortcut.symlink_to(project / "bin/up")
    second = up(project, script=shortcut)
    assert second.stdout == "merpati up 1.0\n"

    lock(project, "2.0")
    assert up(project).stdout.splitlines()[-1] == "merpati up 2.0"

    make_wheel(project / "wheels", "2.1")
    (project / "requirements.lock").write_text(f"dove==2.1 \\\n    --hash=sha256:{'0' * 64}\n")
    refused = up(project)
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert "Run the same script again" in refused.stderr

    lock(project, "2.0")
    (project / ".venv/.merpati-unfinished").touch()  # as a killed pip leaves it, with who knows what installed
    (project / ".venv/leftover").touch()
    both = [start(project), start(project)]
    said = [script.communicate(timeout=100)[0] for script in both]
    assert [text.splitlines()[-1] for text in said] == ["merpati up 2.0"] * 2
    assert sum("Installing" in text for text in said) == 1
    assert sum("waiting for it" in text for text in said) == 1
    assert not (project / ".venv/leftover").exists()


def test_a_directory_that_is_no_environment_is_left_alone(project: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").touch()
    refused = up(project, venv=precious)
    assert refused.returncode == 1
    assert "not a virtual environment" in refused.stderr
    assert (precious / "letter").exists()


def test_the_folder_of_the_caller_is_told(project: Path, tmp_path: Path) -> None:
    (project / "app/cli.py").write_text("import os; print(os.environ['MERPATI_CALLED_FROM'], os.getcwd())")
    said = subprocess.run(
        [sys.executable, project / "bin/merpati"],
        cwd=tmp_path,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert said.stdout.splitlines()[-1] == f"{tmp_path} {project}"


def up(
    project: Path, *arguments: str, script: Path | None = None, venv: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script or project / "bin/up", *arguments],
        cwd="/",
        env=environment(project, venv),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def start(project: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, project / "bin/up"], env=environment(project), stdout=subprocess.PIPE, text=True
    )


def environment(project: Path, venv: Path | None = None) -> dict[str, str]:
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(project / "wheels"), "PATH": os.environ["PATH"]}
    return own | ({"MERPATI_VENV": str(venv)} if venv else {})


def lock(project: Path, version: str) -> None:
    wheel = make_wheel(project / "wheels", version)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project / "requirements.lock").write_text(f"dove=={version} \\\n    --hash=sha256:{digest}\n")


def make_wheel(folder: Path, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    wheel = folder / f"dove-{version}-py3-none-any.whl"
    about = f"dove-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("dove.py", f"VERSION = '{version}'\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: dove\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"dove.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return wheel
