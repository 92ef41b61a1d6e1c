"""The pages: they render in every state, keep what was typed, and say no with a reason."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app.accounts.models import Workspace
from app.accounts.quiet import quiet_words
from app.accounts.setup import create_workspace
from app.campaigns import control, edit
from app.campaigns.edit import VariantInput
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Message
from tests.factories.campaigns import WEEKLY, add_people, make_list

Page = Callable[[str], str]
TABS = ("content", "audience", "cells", "settings", "review")


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_at_any_time(as_eve: FlaskClient, page: Page, tab: str) -> None:
    answer = as_eve.get(page(tab))
    assert answer.status_code == 200
    assert "Weekly digest" in answer.text


@pytest.mark.parametrize("tab", TABS)
def test_a_viewer_reads_every_tab_but_finds_no_button(as_vic: FlaskClient, page: Page, tab: str) -> None:
    answer = as_vic.get(page(tab))
    assert answer.status_code == 200
    assert "Your role is viewer" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *("content", "audience", "cells", "settings", "test", "launch", "check", "pause", "resume", "cancel", "undo"),
        *("send-now", "duplicate", "archive", "delete", "unschedule", "save-as-template"),
    ],
)
def test_a_viewer_who_acts_is_told_why_not(as_vic: FlaskClient, page: Page, path: str) -> None:
    answer = as_vic.post(page(path))
    assert answer.status_code == 403
    assert "Your role here is viewer; this needs editor" in answer.text


@pytest.mark.parametrize("path", ["", *TABS, "preview", "preview/frame", "progress", "confirm", "cancel"])
def test_campaigns_of_other_workspaces_do_not_exist(as_eve: FlaskClient, scope: Workspace, path: str) -> None:
    other = create_workspace("Elsewhere")
    with in_workspace(other.id):
        theirs = edit.create_campaign("Secret")
        db.session.commit()
    for slug in (scope.slug, other.slug):
        answer = as_eve.get(f"/w/{slug}/campaigns/{theirs.id}" + (f"/{path}" if path else ""))
        assert answer.status_code == 404
        assert "Secret" not in answer.text


def test_the_list_has_tabs_with_counts_and_an_empty_state(as_eve: FlaskClient, scope: Workspace) -> None:
    assert "Yours will stand here" in as_eve.get(f"/w/{scope.slug}/campaigns/").text
    edit.create_campaign("Autumn letter")
    db.session.commit()
    answer = as_eve.get(f"/w/{scope.slug}/campaigns/?tab=drafts")
    assert "Autumn letter" in answer.text
    assert "No campaigns match" in as_eve.get(f"/w/{scope.slug}/campaigns/?tab=scheduled").text
    assert "No campaigns match" in as_eve.get(f"/w/{scope.slug}/campaigns/?search=winter").text


def test_a_campaign_begins_with_a_starter(as_eve: FlaskClient, scope: Workspace) -> None:
    room = f"/w/{scope.slug}/campaigns"
    assert "starter:newsletter" in as_eve.get(f"{room}/new").text
    answer = as_eve.post(f"{room}/new", data={"name": "Spring", "start": "starter:newsletter"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "&lt;mjml" in answer.text
    empty = as_eve.post(f"{room}/new", data={"name": " ", "start": "starter:newsletter"})
    assert empty.status_code == 422
    assert 'id="start-newsletter" name="start" value="starter:newsletter" checked' in empty.text
    gone = as_eve.post(f"{room}/new", data={"name": "Spring", "start": "starter:nothing"})
    assert gone.status_code == 422
    assert 'value="Spring"' in gone.text


def test_saving_content_and_losing_the_race_keeps_what_was_typed(
    as_eve: FlaskClient, page: Page, digest: Campaign
) -> None:
    seen = digest.version
    data = {"version": seen, "subject": "First", "preheader": "", "source": WEEKLY}
    assert as_eve.post(page("content"), data=data).status_code == 302
    late = as_eve.post(page("content"), data={**data, "subject": "Mine, typed for an hour"})
    assert late.status_code == 409
    assert "Mine, typed for an hour" in late.text
    assert "save again to put it in place of the other change" in late.text
    assert f'name="version" type="hidden" value="{seen + 1}"' in late.text
    again = as_eve.post(page("content"), data={**data, "subject": "Mine, typed for an hour", "version": seen + 1})
    assert again.status_code == 302
    assert edit.variants_of(digest)[0].subject == "Mine, typed for an hour"


def test_broken_content_is_saved_and_its_problem_named(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    broken = WEEKLY.replace("</mj-text>", "", 1)
    data = {"version": digest.version, "subject": "S", "preheader": "", "source": broken}
    answer = as_eve.post(page("content"), data=data, follow_redirects=True)
    assert answer.status_code == 200
    assert "One problem in the content" in answer.text
    assert find_campaign(digest.id, fresh=True).mjml == broken


def test_the_editor_asks_for_problems_and_a_preview(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    fine = as_eve.post(page("check"), data={"source": WEEKLY.replace("ten things", "forty doves")}).get_json()
    assert fine["ok"]
    frame = as_eve.get(fine["html_url"])
    assert "forty doves" in frame.text
    assert "ten things" in as_eve.get(page("preview/frame")).text
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in frame.headers["Content-Security-Policy"]
    wrong = as_eve.post(page("check"), data={"source": WEEKLY.replace("first_name", "frist_name")}).get_json()
    assert [(error["line"], wrong["ok"]) for error in wrong["errors"]] == [(5, False)]
    broken = as_eve.post(page("check"), data={"source": "<mjml><mj-body>"}).get_json()
    assert "cannot be shown" in as_eve.get(broken["html_url"]).text


def test_the_editor_knows_when_the_preview_cannot_be_shown(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    """A sound source, and a subject that stops the mail: the words beside the editor and the frame agree."""
    with in_workspace(digest.workspace_id):
        edit.save_content(digest.id, digest.version, subject="{{ subscriber.first_name", preheader="", mjml=WEEKLY)
        db.session.commit()
    found = as_eve.post(page("check"), data={"source": WEEKLY}).get_json()
    assert "It cannot be shown yet" in as_eve.get(found["html_url"]).text
    assert (found["ok"], len(found["errors"])) == (False, 1)


def test_the_preview_reads_as_a_real_person(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    (nobody,) = add_people(None, 1, first_name="")
    db.session.commit()
    assert "Hello Robin" in as_eve.get(page("preview/frame")).text
    assert "Hello friend" in as_eve.get(page(f"preview/frame?person={nobody}")).text
    for look in ("desktop", "phone", "text"):
        assert as_eve.get(page(f"preview?look={look}&person={nobody}")).status_code == 200


def test_the_audience_is_counted_by_reason(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    crows = make_list("Crows")
    add_people(crows, 3)
    add_people(crows, 4, state="pending")
    db.session.commit()
    data = {"version": digest.version, "lists": [*digest.audience["lists"], crows.id]}
    answer = as_eve.post(page("audience"), data=data, follow_redirects=True)
    assert "15 people get it" in answer.text
    assert "minus not confirmed yet" in answer.text
    both = {**data, "version": digest.version + 1, "exclude": [crows.id]}
    refused = as_eve.post(page("audience"), data=both)
    assert refused.status_code == 422
    assert "both included and excluded" in refused.text


def test_cells_are_shown_in_people_and_bad_shares_keep_the_form(
    as_eve: FlaskClient, page: Page, digest: Campaign
) -> None:
    assert 'name="share"' in as_eve.get(page("cells?count=3")).text
    data = {
        "version": digest.version,
        "held_out": 10,
        "name": ["Plain", "Bold"],
        "share": ["60", "30"],
        "subject": ["Ten things", "Eleven things!"],
        "preheader": ["", ""],
    }
    refused = as_eve.post(page("cells"), data=data)
    assert refused.status_code == 422
    assert "add up to 90%" in refused.text
    assert "Eleven things!" in refused.text
    saved = as_eve.post(page("cells"), data={**data, "share": ["60", "40"], "own": ["1"]}, follow_redirects=True)
    assert "Held out" in saved.text
    assert "with content of its own" in saved.text
    assert edit.variants_of(digest)[1].mjml == digest.mjml


def test_settings_are_saved_and_a_name_is_needed(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    data = {"version": digest.version, "name": "Renamed", "from_email": "doves@aviary.example.com", "track_opens": "y"}
    assert "Renamed" in as_eve.post(page("settings"), data=data, follow_redirects=True).text
    saved = find_campaign(digest.id, fresh=True)
    assert (saved.from_email, saved.track_opens, saved.track_clicks) == ("doves@aviary.example.com", True, False)
    refused = as_eve.post(page("settings"), data={**data, "version": saved.version, "name": ""})
    assert refused.status_code == 422
    assert "doves@aviary.example.com" in refused.text


def test_review_names_what_stops_it_with_a_link_to_mend_it(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    assert "Send to 12 people now" in as_eve.get(page("review")).text
    edit.save_content(digest.id, digest.version, subject="", preheader="", mjml=WEEKLY)
    db.session.commit()
    answer = as_eve.get(page("review"))
    assert "There is no subject." in answer.text
    assert "content?variant=1#subject" in answer.text
    assert "Send to 12 people now" not in answer.text


def test_confirming_names_people_and_sender_and_sends_once(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    question = as_eve.get(page("confirm")).text
    assert "Send “Weekly digest” to 12 people from news@aviary.example.com now?" in question
    data = {"version": digest.version, "count": 12, "at": ""}
    for _press in range(2):
        answer = as_eve.post(page("launch"), data=data)
        assert answer.status_code == 302
        assert answer.location == page("")
    assert find_campaign(digest.id, fresh=True).state == "launching"
    assert "being prepared" in as_eve.get(page("")).text


def test_a_large_send_wants_the_number_typed(
    as_eve: FlaskClient, page: Page, digest: Campaign, scope: Workspace
) -> None:
    scope.confirm_above = 10
    db.session.commit()
    assert 'data-confirm-count="12"' in as_eve.get(page("confirm")).text
    data = {"version": digest.version, "count": 12, "typed_count": "11"}
    refused = as_eve.post(page("launch"), data=data)
    assert refused.status_code == 422
    assert find_campaign(digest.id, fresh=True).state == "draft"
    assert as_eve.post(page("launch"), data={**data, "typed_count": "12"}).status_code == 302


def test_an_audience_that_grew_since_the_question_is_asked_about_again(
    as_eve: FlaskClient, page: Page, digest: Campaign
) -> None:
    answer = as_eve.post(page("launch"), data={"version": digest.version, "count": 1})
    assert answer.status_code == 422
    assert "has grown from 1 to 12 people" in answer.text


def test_scheduling_names_the_zone_and_can_be_taken_back(
    as_eve: FlaskClient, page: Page, digest: Campaign, scope: Workspace
) -> None:
    scope.timezone = "Asia/Jakarta"
    db.session.commit()
    question = as_eve.get(page("confirm?at=2030-03-15T09:30"))
    assert "(Asia/Jakarta)" in question.text
    data = {"version": digest.version, "count": 12, "at": "2030-03-15T09:30"}
    assert as_eve.post(page("launch"), data=data).status_code == 302
    scheduled = find_campaign(digest.id, fresh=True)
    assert scheduled.scheduled_at is not None
    assert scheduled.scheduled_at.isoformat() == "2030-03-15T02:30:00+00:00"
    shown = as_eve.get(page(""))
    assert "Unschedule" in shown.text
    assert as_eve.get(page("content")).status_code == 200
    assert as_eve.post(page("unschedule")).status_code == 302
    assert find_campaign(digest.id, fresh=True).state == "draft"
    past = as_eve.post(page("launch"), data={**data, "at": "2001-01-01T09:00", "version": scheduled.version})
    assert past.location == page("review")
    assert as_eve.get(page("confirm?at=tomorrow")).status_code == 422
    assert as_eve.get(page("confirm?when=later&at=")).status_code == 422


def test_hold_counts_down_and_is_undone(as_eve: FlaskClient, page: Page, digest: Campaign, scope: Workspace) -> None:
    scope.hold_seconds = 30
    launch(digest.id, by=None)
    freeze(digest.id)
    db.session.commit()
    shown = as_eve.get(page(""))
    assert 'data-countdown="' in shown.text
    assert 'http-equiv="refresh"' in shown.text
    assert as_eve.post(page("undo")).status_code == 302
    assert find_campaign(digest.id, fresh=True).state == "draft"


def test_a_campaign_under_way_is_paused_resumed_and_cancelled(
    as_eve: FlaskClient, page: Page, digest: Campaign
) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    db.session.commit()
    shown = as_eve.get(page(""))
    assert "Cancel the rest" in shown.text
    assert 'hx-trigger="every 1s"' in shown.text
    assert as_eve.post(page("pause")).status_code == 302
    assert "Paused by Eve" in as_eve.get(page("progress")).text
    assert as_eve.post(page("pause")).status_code == 409
    assert as_eve.post(page("resume")).status_code == 302
    assert "12 people have not been written to yet" in as_eve.get(page("cancel")).text
    ended = as_eve.post(page("cancel"), follow_redirects=True)
    assert "12 people were not written to" in ended.text
    assert "Cancelled before it went out" in ended.text
    assert "data-final" in ended.text
    assert as_eve.get(page("/") + "?tab=sent").status_code == 200


def test_after_a_cancel_the_page_waits_for_what_workers_hold(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    db.session.execute(update(Message).where(Message.campaign_id == digest.id).values(state="sending"))
    db.session.commit()
    ended = as_eve.post(page("cancel"), follow_redirects=True).text
    assert "12 mails are still with the workers" in ended
    assert "were not written to" not in ended
    assert "data-final" not in ended


def test_a_missed_schedule_asks_on_its_page(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    launch(digest.id, by=None, at=clock.now() + timedelta(minutes=1))
    control.change_state(digest.id, control.CampaignState.PAUSED, expected=[control.CampaignState.SCHEDULED])
    db.session.commit()
    assert "Resume and send it now" in as_eve.get(page("")).text
    assert as_eve.post(page("resume")).status_code == 302
    assert find_campaign(digest.id, fresh=True).state == "launching"


def test_copies_archives_and_deletes(as_eve: FlaskClient, page: Page, digest: Campaign, scope: Workspace) -> None:
    assert "Weekly digest (copy)" in as_eve.post(page("duplicate"), follow_redirects=True).text
    assert "is a template now" in as_eve.post(page("save-as-template"), follow_redirects=True).text
    assert as_eve.post(page("archive")).status_code == 302
    assert "Weekly digest" in as_eve.get(page("/") + "?tab=archived").text
    assert as_eve.post(page("unarchive")).status_code == 302
    assert "gone for good" in as_eve.get(page("delete")).text
    assert "is deleted" in as_eve.post(page("delete"), follow_redirects=True).text
    assert as_eve.get(page("")).status_code == 404


def test_a_variant_has_a_page_of_its_own(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    own = WEEKLY.replace("ten things", "eleven things")
    edit.set_variants(digest.id, digest.version, [VariantInput(0.5, "One"), VariantInput(0.5, "Two", mjml=own)])
    db.session.commit()
    shown = as_eve.get(page("content?variant=2"))
    assert "eleven things" in shown.text
    assert "eleven things" in as_eve.get(page("preview/frame?variant=2")).text
    assert "eleven things" not in as_eve.get(page("preview/frame?variant=1")).text


def test_the_review_begins_with_now_and_takes_no_contradiction(as_eve: FlaskClient, page: Page) -> None:
    shown = as_eve.get(page("review")).text
    assert re.search(r'<input[^>]*value="now"[^>]*\bchecked', shown)
    assert not re.search(r'<input[^>]*value="later"[^>]*\bchecked', shown)
    assert as_eve.get(page("confirm?when=now&at=&spread=0")).status_code == 200
    torn = as_eve.get(page("confirm?when=now&at=2099-05-01T09:00"))
    assert torn.status_code == 422
    assert "a time is given" in torn.text
    assert as_eve.get(page("confirm?when=later&at=2099-05-01T09:00")).status_code == 200


def test_the_review_says_what_was_not_checked(as_eve: FlaskClient, page: Page) -> None:
    assert "not checked, reserved domain" in as_eve.get(page("review")).text


def test_quiet_hours_are_no_alarm(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    until = quiet_words(db.session.get_one(Workspace, digest.workspace_id), clock.now())
    digest.state, digest.launched_at, digest.waiting_for = "sending", clock.now(), until
    digest.waiting_since = clock.now()
    db.session.commit()
    shown = as_eve.get(page("")).text
    assert until in shown
    assert "Nothing goes out" not in shown
    digest.waiting_for = "The relay does not answer."
    db.session.commit()
    assert "Nothing goes out" in as_eve.get(page("")).text
