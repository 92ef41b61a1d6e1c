"""What tests of the logo ask of a domain."""

from app.core.database import in_workspace
from app.deliverability.domains.findings import Finding
from app.deliverability.domains.page import ShownCheck, show_records
from tests.deliverability.domains.marks import Issuer
from tests.deliverability.domains.nest import NAME, Nest
from tests.deliverability.domains.web import CERTIFICATE, PICTURE

RECORD = f"default._bimi.{NAME}"
BOTH = f"v=BIMI1; l={PICTURE}; a={CERTIFICATE}"


def look(nest: Nest) -> Finding:
    return nest.check()["bimi"]


def faults(nest: Nest) -> set[str]:
    return {problem.code for problem in look(nest).problems if problem.is_fault}


def on_the_page(nest: Nest) -> ShownCheck:
    with in_workspace(nest.workspace.id):
        [shown] = [check for check in show_records(nest.row).checks if check.kind == "bimi"]
    return shown


def marked(issuer: Issuer, **given: object) -> bytes:
    return issuer.chain(issuer.mark(**given))  # type: ignore[arg-type]
