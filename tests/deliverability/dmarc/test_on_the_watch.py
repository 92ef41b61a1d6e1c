"""What receivers report stands beside what servers answered."""

from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core.database import db, in_workspace
from app.deliverability.dmarc.intake import take_in_file
from tests.deliverability.dmarc.samples import older, record
from tests.deliverability.dmarc.test_intake import own
from tests.deliverability.test_pages import count_all, letters, said
from tests.factories.histories import a_campaign, write


def test_the_watch_says_how_much_failed(as_ada: FlaskClient, as_vic: FlaskClient, workspace: Workspace) -> None:
    other = own(create_workspace("Elsewhere"))
    with in_workspace(other.id):
        take_in_file(older(record(count=5000)))
    watch = f"/w/{workspace.slug}/deliverability"
    with in_workspace(own(workspace).id):
        write(a_campaign(), letters(30, 2))
        count_all()
        assert "What receivers report" not in said(as_ada.get(watch))
        passed, failed = record(count=374), record(count=27, dkim="fail", spf="fail", disposition="quarantine")
        take_in_file(older(passed, failed))
        db.session.commit()
    page = as_ada.get(watch)
    assert "401 27 6.7% of 401 27" in said(page)
    assert f"/w/{workspace.slug}/settings/domains/reports" in page.text
    seen = as_vic.get(f"{watch}?by=domain")
    assert "401 27 6.7% of 401 27" in said(seen)
    assert "/settings/domains/reports" not in seen.text
    assert "What receivers report" not in said(as_vic.get(f"{watch}?by=campaign"))
