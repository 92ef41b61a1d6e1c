"""Designs: content compiled once and kept for ever, known by what it was made from."""

from hashlib import sha256
from importlib.metadata import version

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.content.models import Design
from app.core.database import current_workspace_id, db
from app.rendering.compiled import CompiledDesign
from app.rendering.design import compile_design

COMPILER = f"merpati 1, mjml-python {version('mjml-python')}"
"""Part of a design's digest: a new compiler makes new designs and leaves the old ones as they were sent."""


def freeze_design(mjml: str) -> Design:
    """The design of this source in the workspace in scope; the same source twice is one row. Raises DesignError."""
    digest = sha256(f"{COMPILER}\0{mjml}".encode()).digest()
    known = _find(digest)
    if known is not None:
        return known
    compiled = compile_design(mjml)
    db.session.execute(
        insert(Design)
        .values(workspace_id=current_workspace_id(), digest=digest, mjml=mjml, compiled=compiled.to_dict())
        .on_conflict_do_nothing(index_elements=["workspace_id", "digest"])
    )
    design = _find(digest)
    assert design is not None  # written just now, by us or by somebody who was faster
    return design


def load_compiled(design: Design) -> CompiledDesign:
    """The compiled form, as it was kept."""
    return CompiledDesign.from_dict(design.compiled)


def _find(digest: bytes) -> Design | None:
    return db.session.scalar(select(Design).where(Design.digest == digest))
