"""Campaigns for the tests of pages."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import User, Workspace
from app.campaigns.models import Campaign
from app.core.database import db
from tests.conftest import sign_in
from tests.factories.campaigns import add_people, make_list, weekly_digest


@pytest.fixture
def as_eve(app: Flask, eve: User) -> FlaskClient:
    """A browser the editor is signed in to."""
    return sign_in(app, eve)


@pytest.fixture
def digest(scope: Workspace) -> Campaign:
    """A draft to 12 people that passes its review, committed."""
    doves = make_list("Doves & friends")
    add_people(doves, 12)
    campaign = weekly_digest(doves)
    db.session.commit()
    return campaign


@pytest.fixture
def page(scope: Workspace, digest: Campaign) -> Callable[[str], str]:
    """The address of a page of the digest, or of the room when it begins with a slash."""

    number = digest.id

    def address(path: str = "") -> str:
        room = f"/w/{scope.slug}/campaigns"
        return room + path if path.startswith("/") else f"{room}/{number}" + (f"/{path}" if path else "")

    return address
