"""Several transports in the settings: adding, ordering, switching, trying, removing."""

import asyncio
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.sending.apis.registry import PROVIDERS
from app.sending.models import Transport
from app.sending.quotas import grant
from app.sending.seal import unseal
from tests.sending import moods, world
from tests.sending.servers import Server, running
from tests.sending.transports import ways

SMTP = {"host": "smtp.example.com", "port": "587", "security": "starttls", "username": "ann", "password": "pass-wörd"}
SES = {
    "own_username": "AKIAEXAMPLEEXAMPLE",
    "own_password": "s3cret/Key+1",
    "own_region": "eu-central-1",
    "own_bounces_by_mail": "no",
}


def page(workspace: Workspace, end: str = "") -> str:
    return f"/w/{workspace.slug}/settings/sending{end}"


def saved(workspace: Workspace) -> list[Transport]:
    with in_workspace(workspace.id):
        return list(db.session.scalars(select(Transport).order_by(Transport.id)))


def test_every_kind_has_its_form(as_ada: FlaskClient, workspace: Workspace) -> None:
    choices = as_ada.get(page(workspace, "/new")).text
    for kind, provider in PROVIDERS.items():
        assert provider.title in choices
        form = as_ada.get(page(workspace, f"/new?kind={kind}")).text
        for field in provider.fields:
            assert f'name="own_{field.name}"' in form
    assert as_ada.get(page(workspace, "/new?kind=pigeon")).status_code == 200
    assert as_ada.post(page(workspace, "/new?kind=pigeon"), data=SMTP).status_code == 404


def test_who_signs_is_said_where_there_is_no_choice(as_ada: FlaskClient, workspace: Workspace) -> None:
    for kind, is_asked in {"ses": False, "sendgrid": False, "postmark": False, "mailgun": True, "smtp": True}.items():
        form = as_ada.get(page(workspace, f"/new?kind={kind}")).text
        assert ('name="signs"' in form, "whole domain there, not an address alone" in form) == (is_asked, not is_asked)
    as_ada.post(page(workspace, "/new?kind=smtp"), data={**SMTP, "tier": "1"})
    as_ada.post(page(workspace, "/new?kind=smtp"), data={**SMTP, "host": "email-smtp.eu-west-1.amazonaws.com"})
    assert [row.signs for row in saved(workspace)] == [False, True]


def test_a_providers_account_is_saved_with_what_it_asks(as_ada: FlaskClient, workspace: Workspace) -> None:
    answer = as_ada.post(page(workspace, "/new?kind=ses"), data={**SES, "per_day": "50000"})
    assert answer.status_code == 302
    [row] = saved(workspace)
    assert (row.kind, row.name, row.username) == ("ses", "Amazon SES", "AKIAEXAMPLEEXAMPLE")
    assert (row.options["region"], row.limits, row.signs) == ("eu-central-1", {"per_day": 50000}, True)
    assert row.password_sealed is not None
    assert unseal(keyring(), row.password_sealed) == "s3cret/Key+1"
    shown = as_ada.get(page(workspace, f"/{row.id}")).text
    assert "eu-central-1" in shown
    assert "s3cret" not in shown


def test_a_providers_key_is_asked_for_and_goes_to_no_other_region(as_ada: FlaskClient, workspace: Workspace) -> None:
    bare = {**SES, "own_password": ""}
    assert "takes nothing without" in as_ada.post(page(workspace, "/new?kind=ses"), data=bare).text
    assert (
        "does not look right"
        in as_ada.post(page(workspace, "/new?kind=ses"), data={**SES, "own_region": "eu-central-1/../x"}).text
    )
    assert saved(workspace) == []
    as_ada.post(page(workspace, "/new?kind=ses"), data=SES)
    [row] = saved(workspace)
    assert as_ada.post(page(workspace, f"/{row.id}"), data=bare).status_code == 302
    moved = as_ada.post(page(workspace, f"/{row.id}"), data={**bare, "own_region": "us-east-1"})
    assert (moved.status_code, "goes to no other" in moved.text) == (422, True)
    assert saved(workspace)[0].options["region"] == "eu-central-1"


def test_the_list_shows_order_health_and_use(as_ada: FlaskClient, workspace: Workspace) -> None:
    soon = clock.now() + timedelta(minutes=4)
    ways.add(workspace, 2503, name="Standby", tier=2, failures=5, open_until=soon, last_words="421 Busy")
    ways.add(workspace, 2501, name="Small", weight=1)
    large = ways.add(workspace, 2502, name="Large", weight=3, limits={"per_day": 20000, "per_hour": 4000})
    ways.add(workspace, 2504, name="Old", is_enabled=False)
    asyncio.run(grant(large, {}, 1234))
    shown = as_ada.get(page(workspace)).text
    assert shown.index("Large") < shown.index("Small") < shown.index("Standby")
    assert "weight 3 of 4" in shown
    assert "1,234 of 20,000" in shown
    assert "1,234 of 4,000 an hour" in shown
    assert "Set aside" in shown
    assert "It failed; the next try is" in shown
    assert "Switched off" in shown
    assert "421 Busy" in as_ada.get(page(workspace, f"/{saved(workspace)[0].id}")).text


def test_weights_are_summed_only_where_the_streams_are_the_same(as_ada: FlaskClient, workspace: Workspace) -> None:
    ways.add(workspace, 2501, weight=3)
    ways.add(workspace, 2502, weight=1, stream="transactional")
    shown = as_ada.get(page(workspace)).text
    assert "weight 3</span>" in shown
    assert "of 4" not in shown


def test_one_that_was_never_used_is_not_called_well(as_ada: FlaskClient, workspace: Workspace) -> None:
    with running(Server()) as server:
        number = ways.add(workspace, server)
        for end in ("", f"/{number}"):
            shown = as_ada.get(page(workspace, end)).text
            assert "Not tried yet" in shown
            assert "Well" not in shown
        as_ada.post(page(workspace, f"/{number}/trial"), data={"to": "ann@example.com"})
        for end in ("", f"/{number}"):
            shown = as_ada.get(page(workspace, end)).text
            assert "Tried with single mails" in shown
            assert "Well" not in shown
        world.send(world.plan_campaign(workspace, 2), "smtp://127.0.0.1:9")
    assert "Well" in as_ada.get(page(workspace)).text


def test_a_run_that_sent_nothing_is_no_sign_of_health(as_ada: FlaskClient, workspace: Workspace) -> None:
    number = ways.add(workspace, 2501)
    campaign = world.plan_campaign(workspace, 1)
    world.change(
        "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal, transport_id, outcome, ended_at) "
        "VALUES (:w, :c, 'here', 1, '', :t, 'waiting', now())",
        w=workspace.id,
        c=campaign,
        t=number,
    )
    assert "Not tried yet" in as_ada.get(page(workspace)).text
    asyncio.run(grant(number, {}, 1))
    assert "Well" in as_ada.get(page(workspace)).text


def test_a_failed_trial_and_a_change_are_no_sign_of_health(as_ada: FlaskClient, workspace: Workspace) -> None:
    as_ada.post(page(workspace, "/new?kind=smtp"), data={**SMTP, "host": "127.0.0.1", "port": "9", "tier": "1"})
    [row] = saved(workspace)
    as_ada.post(page(workspace, f"/{row.id}/trial"), data={"to": "ann@example.com"})
    assert "Failing" in as_ada.get(page(workspace)).text
    as_ada.post(page(workspace, f"/{row.id}"), data={**SMTP, "host": "127.0.0.1", "port": "10", "tier": "1"})
    assert "Not tried yet" in as_ada.get(page(workspace)).text


def test_another_server_begins_with_a_score_of_its_own(as_ada: FlaskClient, workspace: Workspace) -> None:
    number = ways.add(workspace, 2501, score=0.3)
    kept = {**SMTP, "host": "127.0.0.1", "port": "2501", "tier": "1"}
    as_ada.post(page(workspace, f"/{number}"), data=kept)
    assert ways.row(number).score == 0.3
    as_ada.post(page(workspace, f"/{number}"), data={**kept, "host": "smtp.example.com"})
    assert ways.row(number).score == 1.0


def test_a_key_that_is_kept_says_so(as_ada: FlaskClient, workspace: Workspace) -> None:
    as_ada.post(
        page(workspace, "/new?kind=mailgun"),
        data={"own_domain": "news.example.com", "own_password": "key-1", "own_region": "us"},
    )
    shown = as_ada.get(page(workspace, f"/{saved(workspace)[0].id}")).text
    assert "A sending key is enough. Leave empty to keep what you saved." in shown


def test_switching_on_forgets_the_failures(as_ada: FlaskClient, workspace: Workspace) -> None:
    number = ways.add(workspace, 2501, failures=4, open_until=clock.now() + timedelta(minutes=1))
    as_ada.post(page(workspace, f"/{number}/switch"), data={"on": ""})
    assert not ways.row(number).is_enabled
    assert "so nothing goes out" in as_ada.get(page(workspace)).text
    as_ada.post(page(workspace, f"/{number}/switch"), data={"on": "1"})
    row = ways.row(number)
    assert (row.is_enabled, row.failures, row.open_until) == (True, 0, None)


def test_a_trial_goes_by_this_one_and_shows_its_words(as_ada: FlaskClient, workspace: Workspace) -> None:
    with running(Server()) as first, running(moods.Says({"*": b"550 5.7.1 You are not welcome"})) as second:
        ways.add(workspace, first)
        number = ways.add(workspace, second, tier=2)
        refused = as_ada.post(page(workspace, f"/{number}/trial"), data={"to": "ann@example.com"})
        assert (refused.status_code, "550 5.7.1 You are not welcome" in refused.text) == (422, True)
        assert first.messages == []
        ways.change(number, port=first.port, failures=4, open_until=clock.now() + timedelta(hours=1))
        told = as_ada.post(page(workspace, f"/{number}/trial"), data={"to": "ann@example.com"}, follow_redirects=True)
    assert "250 2.0.0 Ok: queued as 4B2A" in told.text
    assert ways.row(number).open_until is None, "it has shown that it works"


@pytest.mark.parametrize("state", ["scheduled", "sending", "paused"])
def test_one_that_a_campaign_under_way_has_chosen_stays(as_ada: FlaskClient, workspace: Workspace, state: str) -> None:
    number = ways.add(workspace, 2501)
    campaign = world.plan_campaign(workspace, 1, state=state)
    world.change("UPDATE campaigns SET transport_id = :t WHERE id = :c", t=number, c=campaign)
    answer = as_ada.post(page(workspace, f"/{number}/remove"))
    assert (answer.status_code, "was chosen for “Spring”" in answer.text) == (409, True)
    world.change("UPDATE campaigns SET state = 'finished' WHERE id = :c", c=campaign)
    assert as_ada.post(page(workspace, f"/{number}/remove")).status_code == 302
    assert saved(workspace) == []
    assert world.campaign(campaign).transport_id is None


def test_limits_and_turns_are_checked(as_ada: FlaskClient, workspace: Workspace) -> None:
    wrong = {**SMTP, "weight": "101", "tier": "0", "per_second": "-1", "stream": "carrier pigeons"}
    answer = as_ada.post(page(workspace, "/new"), data=wrong)
    assert answer.status_code == 422
    assert answer.text.count('class="field-error"') == 4
    assert saved(workspace) == []
