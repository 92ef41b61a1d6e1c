"""Starters: finished designs to begin from, kept as folders under `email_templates/starters`."""

import json
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import NotFound

TEMPLATES = Path(__file__).resolve().parents[2] / "email_templates"
_STARTERS = TEMPLATES / "starters"


@dataclass(frozen=True, slots=True)
class Starter:
    """A design to begin from; `mjml` is its source, `subject` a first idea."""

    slug: str
    name: str
    description: str
    subject: str
    mjml: str


def list_starters() -> list[Starter]:
    """All starters, in the order in which they are offered."""
    folders = [path.parent for path in _STARTERS.glob("*/meta.json")]
    return [_read(folder) for folder in sorted(folders, key=_order)]


def load_starter(slug: str) -> Starter:
    """One starter. Raises NotFound."""
    folder = next((path.parent for path in _STARTERS.glob("*/meta.json") if path.parent.name == slug), None)
    if folder is None:
        known = ", ".join(starter.slug for starter in list_starters())
        raise NotFound(f"There is no starter “{slug}”. Choose one of {known}.")
    return _read(folder)


def _order(folder: Path) -> tuple[int, str]:
    return int(json.loads((folder / "meta.json").read_text("utf-8"))["order"]), folder.name


def _read(folder: Path) -> Starter:
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    mjml = (folder / "design.mjml").read_text("utf-8")
    return Starter(folder.name, meta["name"], meta["description"], meta["subject"], mjml)
