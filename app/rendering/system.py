"""System mails: confirmation, welcome, sign-in link; kept as folders under `email_templates/system`.

Each has `subject.txt`, `body.mjml` (the content of `layouts/system.mjml`), `body.txt` and `sample.json`, which
is also the list of the values it needs. Their links are never tracked.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from app.core.errors import NotFound
from app.rendering.design import compile_design
from app.rendering.errors import RenderError
from app.rendering.merge import Personaliser, PersonContext
from app.rendering.starters import TEMPLATES

_SYSTEM = TEMPLATES / "system"
_CONTENT = "<!-- content -->"


class SystemEmail(NamedTuple):
    """A system mail, ready to be put into MIME."""

    subject: str
    text: str
    html: str


def list_system() -> list[str]:
    """The names of all system mails."""
    return sorted(path.parent.name for path in _SYSTEM.glob("*/subject.txt"))


def render_system(name: str, context: Mapping[str, Any]) -> SystemEmail:
    """Fill a system mail. `context` has `workspace` and `subscriber` as mappings, the rest by name (`sample_context`).

    Raises NotFound for an unknown name and RenderError when a value is missing.
    """
    personaliser, needed = _load(name)
    missing = [key for key in needed if key not in context]
    if missing:
        raise RenderError(f"The mail “{name}” needs {', '.join(missing)}. It was not sent.")
    rendered = personaliser.render(
        PersonContext(
            subscriber=context.get("subscriber", {}),
            workspace=context.get("workspace", {}),
            mail={key: value for key, value in context.items() if key not in ("subscriber", "workspace")},
            track_links=False,
        )
    )
    return SystemEmail(rendered.subject, rendered.text, rendered.html)


def sample_context(name: str) -> dict[str, Any]:
    """Values to preview a system mail with. Raises NotFound."""
    if name not in list_system():
        raise NotFound(f"There is no system mail “{name}”. Choose one of {', '.join(list_system())}.")
    sample: dict[str, Any] = json.loads((_SYSTEM / name / "sample.json").read_text("utf-8"))
    return sample


@lru_cache
def _load(name: str) -> tuple[Personaliser, tuple[str, ...]]:
    needed = tuple(sample_context(name))
    folder = _SYSTEM / name
    layout = (TEMPLATES / "layouts" / "system.mjml").read_text("utf-8")
    design = compile_design(layout.replace(_CONTENT, (folder / "body.mjml").read_text("utf-8")))
    design = replace(design, text=(folder / "body.txt").read_text("utf-8"))
    return Personaliser(design, subject=(folder / "subject.txt").read_text("utf-8")), needed
