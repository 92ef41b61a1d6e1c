"""What the build leaves behind: small enough, complete, and named in a clear error when missing."""

import gzip
import re
from pathlib import Path

import pytest

from app.core import assets
from app.core.errors import SettingsError
from tests.look.guide import APP, create_guide

FRONTEND = APP.parent / "frontend"


@pytest.mark.parametrize(
    ("name", "budget"), [("app.css", 20_000), ("public.css", 6_000), ("app.js", 30_000), ("editor.js", 180_000)]
)
def test_the_bundles_stay_small(name: str, budget: int) -> None:
    assert len(gzip.compress(_built(name).read_bytes(), 9)) < budget


def test_every_icon_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', _built("icons.svg").read_text()))
    named: set[str] = set()
    for template in (APP / "templates").rglob("*.html"):
        named |= set(re.findall(r"\b(?:icon|picture)\(\"([a-z0-9-]+)\"", template.read_text()))
        named |= set(re.findall(r"\b(?:icon|picture)=\"([a-z0-9-]+)\"", template.read_text()))
    assert named
    assert named - sprite == set()


def test_no_template_needs_what_the_policy_forbids() -> None:
    forbidden = re.compile(
        r"<style|\sstyle=|\son[a-z]+=\"|javascript:|<script(?![^>]*\b(?:src=|type=\"application/json\"))"
    )
    offenders = {
        str(path): found.group()
        for path in (APP / "templates").rglob("*.html")
        if (found := forbidden.search(path.read_text()))
    }
    # Shown only inside the preview's frame, which has a policy of its own.
    offenders.pop(str(APP / "templates" / "content" / "preview_problem.html"), None)
    assert offenders == {}


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (FRONTEND / "package-lock.json").read_text()


def test_a_missing_build_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "DIST", tmp_path)
    with create_guide().test_request_context(), pytest.raises(SettingsError, match=re.escape("frontend/build.mjs")):
        assets.asset_url("app.css")


def test_an_unknown_asset_names_those_there_are() -> None:
    with create_guide().test_request_context(), pytest.raises(SettingsError, match=re.escape("app.css")):
        assets.asset_url("nothing.css")


def _built(name: str) -> Path:
    with create_guide().test_request_context():
        return assets.DIST / assets.asset_url(name).rpartition("/")[2]
