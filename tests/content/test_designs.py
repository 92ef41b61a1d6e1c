"""Designs are made once and never change."""

import pytest
from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.content.designs import freeze_design, load_compiled
from app.content.models import Design
from app.core.database import db, in_workspace
from app.rendering.design import compile_design
from app.rendering.errors import DesignError
from tests.factories.campaigns import WEEKLY


def test_the_same_source_is_one_design_and_another_is_another(scope: Workspace) -> None:
    first, again = freeze_design(WEEKLY), freeze_design(WEEKLY)
    assert first.id == again.id
    assert freeze_design(WEEKLY + " ").id != first.id
    assert load_compiled(first) == compile_design(WEEKLY)


def test_workspaces_share_nothing(scope: Workspace) -> None:
    ours = freeze_design(WEEKLY)
    other = create_workspace("Elsewhere")
    with in_workspace(other.id):
        assert freeze_design(WEEKLY).id != ours.id


def test_what_does_not_compile_is_not_kept(scope: Workspace) -> None:
    with pytest.raises(DesignError):
        freeze_design("<mjml><mj-body>")
    assert db.session.scalar(select(func.count()).select_from(Design)) == 0
