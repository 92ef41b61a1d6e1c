"""A domain that is not reserved, in a zone of its own, with everything published as it should be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import current_app

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.settings import Settings
from app.sending.domains import lookup
from tests.deliverability.domains.logo import BOTH, RECORD
from tests.deliverability.domains.marks import Issuer, svg
from tests.deliverability.domains.nest import NAME, Nest, make_nest
from tests.deliverability.domains.web import Web, serving
from tests.deliverability.domains.zone import Zone, at_work
from tests.sending.domains.conftest import few_keys, other_workspace

__all__ = ["few_keys", "other_workspace"]


@pytest.fixture
def zone(context: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    """DNS on the loopback interface; silence lasts a moment only."""
    monkeypatch.setattr(lookup, "SECONDS", 0.3)
    monkeypatch.delitem(current_app.extensions, "merpati.domain_glances", raising=False)
    with at_work(Zone()) as zone:
        yield zone


@pytest.fixture
def nest(workspace: Workspace, zone: Zone, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Nest:
    """The workspace sends from it, and bounces come back to a name under it."""
    places = {"bounce_domain": f"bounces.{NAME}", "mail_domain": f"mail.{NAME}", "bounce_listen": "127.0.0.1:9"}
    ours = settings.model_copy(update=places)
    monkeypatch.setitem(current_app.extensions, "merpati.settings", ours)
    workspace.from_email = f"news@{NAME}"
    db.session.commit()
    with in_workspace(workspace.id):
        return make_nest(workspace, zone)


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """Who makes mark certificates."""
    return Issuer()


@pytest.fixture
def web(nest: Nest, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A domain with everything that a logo needs, and the web server that has it."""
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", f"v=DMARC1; p=reject; rua=mailto:dmarc@bounces.{NAME}")
    nest.zone.publish(RECORD, "TXT", BOTH)
    with serving(nest.zone, tmp_path, monkeypatch) as web:
        web.put("/logo.svg", svg())
        web.put("/mark.pem", issuer.chain(issuer.mark()), "application/x-pem-file")
        yield web
