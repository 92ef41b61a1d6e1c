"""A workspace with a domain, and the DNS it is published in."""

from collections.abc import Iterator
from itertools import cycle
from secrets import token_hex

import pytest

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core.database import db, in_workspace
from app.mail.dkim_keys import make_key
from app.sending.domains import keys, lookup
from tests.mail.verifier import dkimpy_knows_ed25519
from tests.sending.domains.nameserver import NameServer, at_work
from tests.sending.domains.own import Domain, own_domain

__all__ = ["dkimpy_knows_ed25519"]


@pytest.fixture(autouse=True, scope="session")
def few_keys() -> Iterator[None]:
    """A dozen keys serve all tests in turn: to make one of RSA takes longer than most tests."""
    made = {algorithm: cycle([make_key(algorithm) for _ in range(12)]) for algorithm in keys.ALGORITHMS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "make_key", lambda algorithm: next(made[algorithm]))
        yield


@pytest.fixture
def nameserver(context: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """DNS on the loopback interface; silence lasts a moment only."""
    monkeypatch.setattr(lookup, "SECONDS", 0.3)
    with at_work() as server:
        yield server


@pytest.fixture
def domain(workspace: Workspace, nameserver: NameServer) -> Domain:
    """The domain of the workspace's sender, added and not published."""
    with in_workspace(workspace.id):
        made = own_domain(workspace, "aviary.example.com", nameserver)
        db.session.commit()
    return made


@pytest.fixture
def other_workspace(context: None) -> Workspace:
    """Somebody else's."""
    made = create_workspace(f"Rookery {token_hex(4)}")
    made.postal_address, made.from_email = "2 Elm Top", "news@aviary.example.com"
    db.session.commit()
    return made
