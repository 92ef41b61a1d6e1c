"""A domain as a test handles it, with the records it needs."""

from dataclasses import dataclass

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.deliverability.domains.check import check_records
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.reasons import Reason
from app.deliverability.domains.verdict import verdict
from app.sending.domains.check import check_domain
from app.sending.domains.keys import keys_of
from app.sending.domains.records import key_record
from app.sending.domains.setup import add_domain
from app.sending.models import SendingDomain
from tests.deliverability.domains.zone import SOA, Zone

NAME = "aviary.internal"
BOUNCES = f"bounces.{NAME}"


@dataclass(frozen=True)
class Nest:
    """A domain of a workspace and the zone it stands in."""

    workspace: Workspace
    id: int
    zone: Zone

    @property
    def row(self) -> SendingDomain:
        with in_workspace(self.workspace.id):
            db.session.rollback()
            return db.session.get_one(SendingDomain, self.id, populate_existing=True)

    @property
    def key(self) -> str:
        """The name of the first key's record."""
        with in_workspace(self.workspace.id):
            first = keys_of(self.row)[0]
            return key_record(NAME, first.selector, first.public).name

    def check(self) -> dict[str, Finding]:
        with in_workspace(self.workspace.id):
            check_domain(self.id)
            found = check_records(self.id)
            db.session.commit()
        return found

    def verdict(self, people: int = 100, domain: str = NAME) -> list[Reason]:
        with in_workspace(self.workspace.id):
            return verdict(domain, people)

    def blocks(self, people: int = 100, domain: str = NAME) -> list[str]:
        return [reason.code for reason in self.verdict(people, domain) if reason.is_blocking]


def make_nest(workspace: Workspace, zone: Zone) -> Nest:
    """Add the domain and publish all that it needs; nobody has looked yet."""
    row = add_domain(keyring(), NAME)
    for key in keys_of(row):
        zone.publish(key_record(NAME, key.selector, key.public).name, "TXT", key.public)
    db.session.commit()
    zone.publish(NAME, "SOA", SOA)
    zone.publish(NAME, "MX", f"10 mx.{NAME}.")
    zone.publish(f"mx.{NAME}", "A", "192.0.2.25")
    zone.publish(f"_dmarc.{NAME}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{BOUNCES}")
    zone.publish(BOUNCES, "TXT", f"v=spf1 a:mail.{NAME} ~all", "unrelated")
    zone.publish(BOUNCES, "MX", f"10 mail.{NAME}.")
    zone.publish(f"mail.{NAME}", "A", "192.0.2.26")
    return Nest(workspace, row.id, zone)
