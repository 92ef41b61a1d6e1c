"""Previews: what a source would look like, for somebody real or made up. Nothing is kept for longer than an hour."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from redis.exceptions import RedisError

from app.core.extensions import queue
from app.rendering.compiled import CompiledDesign
from app.rendering.design import compile_design
from app.rendering.errors import DesignError, Problem
from app.rendering.merge import Personaliser, PersonContext, RenderedEmail, check_template

LIFE = 3600
"""Seconds for which a source that is being typed is kept for its preview."""
LONGEST = 1_000_000
"""Characters of a source that are looked at."""

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; font-src https:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox"
)
"""A mail needs inline styles and pictures from elsewhere; it gets no scripts, no forms, and an origin of its own."""

SAMPLE_PERSON = {
    "email": "robin@example.com",
    "first_name": "Robin",
    "last_name": "Example",
    "name": "Robin Example",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Whose typing it is, and on what: previews of two people or two pages never mix."""

    workspace_id: int
    user_id: int
    thing: str

    @property
    def key(self) -> str:
        return f"merpati:preview:{self.workspace_id}:{self.user_id}:{self.thing}"


def keep_source(place: Place, source: str) -> None:
    """Keep what is being typed, so that the preview's frame can load it. Without the queue, the saved one is shown."""
    try:
        queue().set(place.key, source[:LONGEST].encode(), ex=LIFE)
    except RedisError:
        return


def kept_source(place: Place) -> str | None:
    """What was typed last, within the hour."""
    try:
        found = queue().get(place.key)
    except RedisError:
        return None
    return found.decode() if isinstance(found, bytes) else None


def forget_source(place: Place) -> None:
    """The source was saved: from now on the saved one counts."""
    try:
        queue().delete(place.key)
    except RedisError:
        return


def check_source(source: str, *, known_fields: Collection[str] | None = None) -> list[Problem]:
    """Every mistake in a source, with line and column. Without `known_fields`, names of fields are not checked."""
    try:
        compiled(source)
    except DesignError as error:
        return [Problem(error.message, error.line or 1, error.column or 1)]
    return [] if known_fields is None else check_template(source, known_fields=known_fields)


def render_source(source: str, person: PersonContext, *, subject: str = "", preheader: str = "") -> RenderedEmail:
    """The mail as this person would read it. Raises DesignError, RenderError."""
    return Personaliser(compiled(source), subject=subject, preheader=preheader).render(person)


@lru_cache(maxsize=64)
def compiled(source: str) -> CompiledDesign:
    """Compile a source that is looked at again and again while it is written. Raises DesignError."""
    return compile_design(source)
