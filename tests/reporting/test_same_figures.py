"""Home, the list of reports, a report and the watch say the same of the same mail."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app.accounts.models import Workspace
from app.campaigns.models import Campaign, Cell, Variant
from app.core import clock
from app.core.database import db, every_workspace
from app.deliverability.watch.figures import lines_by, span_of, total
from app.deliverability.watch.rollup import recount
from app.messages.models import Message
from app.reporting.home import figures
from app.reporting.report import report
from tests.factories.histories import Letter, a_campaign, write

AGO = 48.0
Heard = tuple[float, str, str, dict[str, str]]
UNKNOWN = {"reason": "userunknown", "scope": "address"}


@pytest.fixture
def campaign(scope: Workspace) -> Campaign:
    """Ten tried: seven taken, of whom three clicked and one left; one came back later; two refused at once."""
    made = a_campaign("finished", name="Letter to the doves")
    taken = [(AGO, "sent", 250, "")]
    clicked: Heard = (AGO - 1, "clicked", "human", {})
    left: Heard = (AGO - 1, "unsubscribed", "", {})
    heard = [[clicked], [clicked], [clicked, left], [], [], [], []]
    late = Letter(attempts=taken, events=[(AGO - 2, "bounced", "", {**UNKNOWN, "by": "mail"})])
    refused = Letter(attempts=[(AGO, "bounced", 550, "userunknown")], events=[(AGO, "bounced", "", UNKNOWN)])
    ids = write(made, [*(Letter(attempts=taken, events=events) for events in heard), late, refused, refused])
    db.session.execute(update(Message).where(Message.id.in_(ids[7:])).values(state="bounced"))
    _with_a_cell(made, ids)
    with every_workspace():
        recount(clock.now() - timedelta(days=4))
    db.session.commit()
    return made


def test_rates_are_of_what_was_delivered_everywhere(campaign: Campaign, scope: Workspace) -> None:
    [row] = figures([campaign.id])
    assert (row["mailed"], row["delivered"], row["bounced"], row["tried"]) == (8, 7, 3, 10)
    of_report = report(campaign.id).total
    assert (of_report.mailed, of_report.delivered, of_report.human_clicks.count) == (8, 7, 3)
    now, _before = total(lines_by("provider", span_of(7)))
    assert (now.sent, now.delivered, now.ripe, now.clicked, now.unsubscribed) == (8, 7, 7, 3, 1)
    assert (now.address, now.tried) == (3, 10)


def test_the_pages_say_them_with_what_they_are_of(
    as_ada: FlaskClient, campaign: Campaign, workspace: Workspace
) -> None:
    room = f"/w/{workspace.slug}"
    home = words_of(as_ada, f"{room}/")
    for said in ("8 3 42.9% of 7 1 14.3% of 7 3 30.0% of 10", "not sent back since"):
        assert said in home
    assert "8 3 42.9% of 7" in words_of(as_ada, f"{room}/reports")
    shown = words_of(as_ada, f"{room}/reports/{campaign.id}")
    assert "Human clicks 3 42.9% of 7" in shown
    assert "Unsubscribed 1 14.3% of 7" in shown
    watch = words_of(as_ada, f"{room}/deliverability?days=7")
    for said in (
        "Delivered 7",
        "Human clicks 3 42.9% of 7",
        "Unsubscribed 1 14.3% of 7",
        "Dead addresses 3 30.0% of 10",
    ):
        assert said in watch


def _with_a_cell(campaign: Campaign, ids: list[int]) -> None:
    variant = Variant(campaign_id=campaign.id, position=0, name="A", share=1)
    db.session.add(variant)
    db.session.flush()
    cell = Cell(campaign_id=campaign.id, variant_id=variant.id, position=0, low=0, high=1_000_000)
    db.session.add(cell)
    db.session.flush()
    of_it = {"cell_id": cell.id, "variant_id": variant.id}
    db.session.execute(update(Message).where(Message.id.in_(ids)).values(of_it))


def words_of(browser: FlaskClient, path: str) -> str:
    """What a page says, in one line."""
    page = browser.get(path)
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
