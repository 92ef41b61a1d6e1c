"""The checklist: what stops, what warns, and the exact numbers."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.accounts.models import Workspace
from app.campaigns import edit
from app.campaigns.audience import variants_of
from app.campaigns.edit import VariantInput
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.models import Campaign
from app.campaigns.review import review
from app.campaigns.review_domain import domain_notes
from app.core import clock
from app.core.database import db
from app.messages.models import Message
from app.rendering.starters import list_starters, load_starter
from tests.factories.campaigns import WEEKLY, add_people, make_list, weekly_digest


@pytest.fixture
def digest(scope: Workspace) -> Campaign:
    doves = make_list()
    add_people(doves, 5)
    return weekly_digest(doves)


def codes(campaign: Campaign) -> dict[str, str]:
    return {finding.code: finding.level for finding in review(campaign).findings}


def write(campaign: Campaign, mjml: str, subject: str = "Ten things this week") -> Campaign:
    return edit.save_content(campaign.id, campaign.version, subject=subject, preheader="", mjml=mjml)


def test_a_good_campaign_has_nothing_to_say(digest: Campaign) -> None:
    outcome = review(digest)
    assert outcome.findings == ()
    assert outcome.audience.planned == 5


@pytest.mark.parametrize(
    ("change", "code", "level"),
    [
        (("{{ unsubscribe_url }}", "https://aviary.example.com/"), "no-unsubscribe-link", "error"),
        (("{{ workspace.postal_address }}", "somewhere"), "no-postal-address", "error"),
        (("subscriber.first_name", "subscriber.frist_name"), "unknown-field", "error"),
        (("</mj-text>", "", 1), "bad-content", "error"),
        (
            ("<mj-text>Hello", '<mj-image src="https://aviary.example.com/a.png" /><mj-text>Hello'),
            "missing-alt",
            "warning",
        ),
        (("https://aviary.example.com/doves", "#"), "empty-link", "warning"),
    ],
)
def test_content_is_checked(digest: Campaign, change: tuple[str, str], code: str, level: str) -> None:
    assert codes(write(digest, WEEKLY.replace(*change)))[code] == level


def test_mistakes_name_line_and_column(digest: Campaign) -> None:
    broken = write(digest, WEEKLY.replace("subscriber.first_name", "subscriber.frist_name"))
    (finding,) = review(broken).errors
    assert "Line 5, column" in finding.message
    assert "subscriber.first_name" in finding.message
    assert (finding.endpoint, finding.anchor) == ("campaigns.content", "mjml")


def test_size_warns_then_stops(digest: Campaign) -> None:
    def filled(kilobytes: int) -> str:
        return WEEKLY.replace("Hello", "dove " * (kilobytes * 205))

    assert "large" not in codes(write(digest, filled(60)))
    assert codes(write(digest, filled(90)))["large"] == "warning"
    assert codes(write(digest, filled(110)))["too-large"] == "error"


def test_links_to_this_machine_are_fine_only_on_a_local_installation(digest: Campaign) -> None:
    local = write(digest, WEEKLY.replace("https://aviary.example.com/doves", "http://localhost:8025/doves"))
    assert "local-link" not in codes(local)


def test_sender_subject_and_address_are_asked_for(digest: Campaign, scope: Workspace) -> None:
    scope.from_email, scope.postal_address = "", ""
    write(digest, WEEKLY, subject="")
    found = codes(digest)
    assert found["no-sender"] == found["no-postal-address-set"] == found["no-subject"] == "error"
    edit.save_settings(digest.id, digest.version, from_email="news at aviary", reply_to="nobody")
    found = codes(digest)
    assert found["bad-sender"] == found["bad-reply-to"] == "error"


def test_an_audience_of_nobody_stops_it(scope: Workspace) -> None:
    doves = make_list()
    campaign = weekly_digest(doves)
    (finding,) = review(campaign).errors
    assert finding.code == "nobody"
    assert "there is no one on the chosen lists" in finding.message
    add_people(doves, 3, state="pending")
    assert "all 3 people" in review(campaign).errors[0].message


def test_gaps_are_counted_over_the_people_who_would_read_them(scope: Workspace) -> None:
    doves = make_list()
    add_people(doves, 40)
    add_people(doves, 7, first_name=" ")
    add_people(doves, 2, first_name="", state="unsubscribed")
    campaign = weekly_digest(doves, mjml=WEEKLY.replace('| fallback("friend") ', ""))
    (finding,) = review(campaign).warnings
    assert finding.code == "gap"
    assert "7 of 47 people will read “Hello , here are" in finding.message


def test_gaps_are_counted_within_the_cell_that_has_them(scope: Workspace) -> None:
    doves = make_list()
    add_people(doves, 60, first_name="")
    campaign = weekly_digest(
        doves, variants=[VariantInput(0.5, "Hi {{ subscriber.city }}!"), VariantInput(0.5, "Plain subject")]
    )
    outcome = review(campaign)
    assert [finding.code for finding in outcome.errors] == ["unknown-field"]
    (gap,) = [finding for finding in outcome.warnings if finding.code == "gap"]
    people = outcome.audience.cells[variants_of(campaign)[0].position]
    assert f"A: {people} of {people} people will read “Hi !”" in gap.message


def test_a_condition_around_the_field_makes_sure_of_it(scope: Workspace) -> None:
    doves = make_list()
    add_people(doves, 3, first_name="")
    guarded = WEEKLY.replace(
        '{{ subscriber.first_name | fallback("friend") }}',
        "{% if subscriber.first_name %}{{ subscriber.first_name }}{% endif %}",
    )
    assert "gap" not in codes(weekly_digest(doves, mjml=guarded))


def test_people_mailed_within_16_hours_are_counted(scope: Workspace) -> None:
    doves, crows = make_list(), make_list()
    people = add_people(doves, 6)
    first = weekly_digest(doves)
    launch(first.id, by=None)
    freeze(first.id)
    mailed = update(Message).where(Message.campaign_id == first.id)
    db.session.execute(mailed.values(state="sent", sent_at=clock.now() - timedelta(hours=17)))
    db.session.execute(
        mailed.where(Message.subscriber_id.in_(people[:4])).values(sent_at=clock.now() - timedelta(hours=15))
    )
    add_people(crows, 3)
    second = weekly_digest(doves, crows)
    (finding,) = review(second).warnings
    assert finding.code == "mailed-lately"
    assert finding.message.startswith("4 of 9 people")


def test_what_is_left_of_a_starter_is_named(digest: Campaign) -> None:
    starter = load_starter("newsletter").mjml
    [finding] = [one for one in review(write(digest, starter)).findings if one.code == "starter-text"]
    assert finding.level == "warning"
    assert "the starter's own text" in finding.message
    mended = starter
    for text in ("A small piece of news", "a few lines of your own"):
        mended = mended.replace(text, "Our own words stand here")
    [left] = [one for one in review(write(digest, mended)).findings if one.code == "starter-text"]
    assert left.message != finding.message
    own = WEEKLY.replace(
        "here are the ten things of this week.", "You get this mail since you asked for it, and gladly."
    )
    assert "starter-text" not in codes(write(digest, own))


@pytest.mark.parametrize("starter", [one.slug for one in list_starters()])
def test_the_frame_of_a_starter_may_stay(digest: Campaign, starter: str) -> None:
    """Its foot, its look and its headings in code are no text that somebody forgot."""
    source = load_starter(starter).mjml
    body = source.index("<mj-body")
    first, last = source.index("<mj-section", body), source.rindex("<mj-section")
    head = re.sub(r"<mj-preview>.*?</mj-preview>", "", source[:first])
    text = (
        "<mj-section><mj-column><mj-text>Our own words, and only they, stand here.</mj-text></mj-column></mj-section>"
    )
    found = codes(write(digest, head + text + source[last:]))
    assert "starter-text" not in found
    assert "bad-content" not in found


def test_a_reserved_domain_is_said_to_be_not_checked(digest: Campaign, scope: Workspace) -> None:
    assert "not checked, reserved domain" in " ".join(review(digest).notes)
    scope.from_email = "news@aviary.invalid"
    assert "aviary.invalid" in " ".join(review(digest).notes)
    assert domain_notes("news@aviary-letters.de") == ()
