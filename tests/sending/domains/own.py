"""A domain as a test handles it: by its number, and always as the database has it now."""

from dataclasses import dataclass

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.sending.domains.check import Look, check_domain
from app.sending.domains.keys import keys_of
from app.sending.domains.records import key_record
from app.sending.domains.rotation import rotate
from app.sending.domains.setup import add_domain, set_ed25519
from app.sending.models import SendingDomain, SigningKey
from tests.sending.domains.nameserver import NameServer


@dataclass(frozen=True)
class Domain:
    """A domain of a workspace, and the DNS that its records go into."""

    workspace: Workspace
    id: int
    name: str
    dns: NameServer

    @property
    def row(self) -> SendingDomain:
        with in_workspace(self.workspace.id):
            db.session.rollback()
            return db.session.get_one(SendingDomain, self.id, populate_existing=True)

    def keys(self, state: str = "", algorithm: str = "rsa-sha256") -> list[SigningKey]:
        with in_workspace(self.workspace.id):
            found = keys_of(self.row)
        return [key for key in found if key.algorithm == algorithm and state in ("", key.state)]

    @property
    def active(self) -> SigningKey:
        [key] = self.keys("active")
        return key

    def publish(self, *keys: SigningKey) -> None:
        """Put records into DNS: of these keys, or of all that there are."""
        for key in keys or (*self.keys(), *self.keys(algorithm="ed25519-sha256")):
            self.dns.publish(key_record(self.name, key.selector, key.public).name, key.public)

    def check(self) -> Look:
        with in_workspace(self.workspace.id):
            look = check_domain(self.id)
            db.session.commit()
        return look

    def begin(self) -> "Domain":
        """Published, checked, and so at work."""
        self.publish()
        self.check()
        return self

    def rotate(self) -> None:
        active = self.active.id
        with in_workspace(self.workspace.id):
            rotate(keyring(), self.id, active)
            db.session.commit()

    def add_ed25519(self) -> None:
        with in_workspace(self.workspace.id):
            set_ed25519(keyring(), self.id, on=True)
            db.session.commit()


def own_domain(workspace: Workspace, name: str, nameserver: NameServer) -> Domain:
    """Add a domain to the workspace."""
    with in_workspace(workspace.id):
        row = add_domain(keyring(), name)
        db.session.commit()
        return Domain(workspace, row.id, row.domain, nameserver)
