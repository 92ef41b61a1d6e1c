"""The pages say by which transports a campaign goes out, and refuse those that cannot send."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.accounts.models import Workspace
from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review import review
from app.core import clock
from app.core.database import db
from app.core.errors import Invalid
from tests.sending.transports import ways

Page = Callable[[str], str]


def settings_of(campaign: Campaign, **values: object) -> dict[str, object]:
    found = find_campaign(campaign.id, fresh=True)
    return {"name": "Digest", "version": found.version, "stream": "marketing", "transport_id": 0, **values}


@pytest.mark.parametrize("tab", ["settings", "review"])
def test_a_draft_says_which_way_it_will_go(as_eve: FlaskClient, page: Page, scope: Workspace, tab: str) -> None:
    assert "goes out by" in as_eve.get(page(tab)).text.lower()
    ways.add(scope, 2501, name="Relay one", weight=3)
    ways.add(scope, 2502, name="Relay two")
    ways.add(scope, 2503, name="Relay three", tier=2)
    shown = as_eve.get(page(tab)).text
    assert "carries 75%" in shown
    assert "carries 25%" in shown
    assert "steps in when those before it fail" in shown


def test_a_campaign_under_way_says_it_too(as_eve: FlaskClient, page: Page, scope: Workspace, digest: Campaign) -> None:
    ways.add(scope, 2501, name="Relay one")
    launch(digest.id, by=None)
    db.session.commit()
    freeze(digest.id)
    db.session.commit()
    shown = as_eve.get(page()).text
    assert "Goes out by" in shown
    assert "Relay one" in shown
    assert 'data-label="Pace"' in shown
    later = clock.now() + timedelta(minutes=5)
    ways.add(scope, 2502, name="Relay two", failures=4, open_until=later, last_words="454 Not now.")
    moving = as_eve.get(page("progress")).text
    assert "Set aside" in moving
    assert "454 Not now." in moving
    control.cancel(digest.id)
    control.skip_rest(digest.id)
    db.session.commit()
    ended = as_eve.get(page()).text
    assert "Goes out by" not in ended
    assert 'data-label="Pace"' not in ended


def test_the_choice_says_what_speaks_against_each(as_eve: FlaskClient, page: Page, scope: Workspace) -> None:
    ways.add(scope, 2501, name="Relay off", is_enabled=False)
    ways.add(scope, 2502, name="Relay failed", failures=1, last_words="535 No.")
    ways.add(scope, 2503, name="Relay aside", failures=4, open_until=clock.now() + timedelta(minutes=5))
    ways.add(scope, 2504, name="Relay shop", stream="transactional")
    shown = as_eve.get(page("settings")).text
    assert "Relay shop (kept for transactional mail)" in shown
    assert "Relay off (switched off, cannot send)" in shown
    assert "Relay failed (its last try failed)" in shown
    assert "Relay aside (set aside after failures)" in shown


def test_what_cannot_send_is_refused(as_eve: FlaskClient, page: Page, scope: Workspace, digest: Campaign) -> None:
    off = ways.add(scope, 2501, name="Relay off", is_enabled=False)
    answer = as_eve.post(page("settings"), data=settings_of(digest, transport_id=off))
    assert answer.status_code == 422
    assert "“Relay off” is switched off" in answer.text
    assert find_campaign(digest.id, fresh=True).transport_id is None


def test_one_that_was_switched_off_since_stops_the_launch_but_not_the_writing(
    as_eve: FlaskClient, page: Page, scope: Workspace, digest: Campaign
) -> None:
    chosen = ways.add(scope, 2501, name="Relay one")
    assert as_eve.post(page("settings"), data=settings_of(digest, transport_id=chosen)).status_code == 302
    ways.change(chosen, is_enabled=False)
    renamed = as_eve.post(page("settings"), data=settings_of(digest, transport_id=chosen, name="Other"))
    assert renamed.status_code == 302, "what was chosen earlier may stay"
    shown = as_eve.get(page("review"))
    assert "“Relay one”, chosen for this campaign, is switched off" in shown.text
    with pytest.raises(Invalid, match="is switched off"):
        launch(digest.id, by=None)


def test_a_way_that_may_heal_warns_only(scope: Workspace, digest: Campaign) -> None:
    later = clock.now() + timedelta(minutes=5)
    only = ways.add(scope, 2501, name="Relay one", failures=4, open_until=later, last_words="421 Busy.")
    found = review(find_campaign(digest.id))
    assert [(each.level, each.code) for each in found.findings if each.code.startswith(("way", "no-way"))] == [
        ("warning", "way-waits")
    ]
    ways.change(only, failures=1, open_until=None)
    found = review(find_campaign(digest.id))
    assert "way-failing" in [each.code for each in found.warnings]
    assert launch(digest.id, by=None).is_new


def test_the_links_of_the_findings_lead_where_one_may_go(
    as_ada: FlaskClient, as_eve: FlaskClient, page: Page, scope: Workspace
) -> None:
    ways.add(scope, 2501, name="Relay off", is_enabled=False)
    shown = as_ada.get(page("review")).text
    assert f'href="/w/{scope.slug}/settings/sending"' in shown
    assert "settings/sending?campaign_id" not in shown
    assert "An owner of the workspace can mend it" not in shown
    shown = as_eve.get(page("review")).text
    assert f'<a class="btn btn-small" href="/w/{scope.slug}/settings/sending"' not in shown
    assert "An owner of the workspace can mend it" in shown


def test_who_confirms_reads_which_way_it_goes(as_eve: FlaskClient, page: Page, scope: Workspace) -> None:
    ways.add(scope, 2501, name="Relay one")
    ways.add(scope, 2502, name="Relay two", tier=2)
    shown = as_eve.get(page("confirm")).text
    assert "Relay one" in shown
    assert "Relay two" not in shown, "it only stands by"
