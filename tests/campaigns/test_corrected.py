"""A corrected version: nobody gets both, nobody is lost, everybody stays in their cell."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.accounts.models import Workspace
from app.campaigns import control
from app.campaigns.audience import count_audience
from app.campaigns.corrected import count_rest, make_corrected
from app.campaigns.edit import VariantInput, save_audience
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import CampaignState
from app.campaigns.models import Campaign
from app.campaigns.second_try import Pick, count_second_try
from app.core.database import db
from app.core.errors import Conflict
from app.messages.lifecycle import State
from app.messages.models import Message
from app.messages.queries import ledger
from tests.campaigns.test_second_try import put
from tests.factories.campaigns import add_people, make_list, suppress_people, weekly_digest

TWO = [VariantInput(0.5, "Ten things"), VariantInput(0.5, "Eleven things")]


@pytest.fixture
def first(scope: Workspace) -> Campaign:
    """Two cells to 200, a tenth held out, being sent: 50 sent, 10 failed, 5 deferred, 3 bounced; committed."""
    doves = make_list()
    add_people(doves, 200)
    campaign = weekly_digest(doves, variants=TWO, held_out=0.1)
    launch(campaign.id, by=None)
    freeze(campaign.id)
    put(campaign, 50, State.SENT)
    put(campaign, 10, State.FAILED, "render")
    put(campaign, 5, State.DEFERRED)
    put(campaign, 3, State.BOUNCED, "userunknown")
    db.session.commit()
    return campaign


def fly(campaign: Campaign) -> CampaignState:
    launch(campaign.id, by=None)
    return freeze(campaign.id)


def people(campaign: Campaign, *where: object) -> dict[int, str]:
    """The people of a campaign, with the name of their cell's variant by its place."""
    query = select(Message).where(Message.campaign_id == campaign.id, *where)  # type: ignore[arg-type]
    return {row.subscriber_id or 0: row.reason for row in db.session.scalars(query)}


def test_a_draft_changes_nothing(first: Campaign) -> None:
    before = ledger(first.id)
    draft = make_corrected(first.id)
    assert (draft.state, draft.corrects_id, draft.salt) == ("draft", first.id, first.salt)
    assert ledger(first.id) == before
    assert first.state == CampaignState.SENDING
    assert make_corrected(first.id) is draft
    assert count_audience(draft).considered == count_rest(first.id)


def test_at_the_launch_the_rest_changes_hands(first: Campaign) -> None:
    reached = people(first, Message.state.in_(["sent", "bounced"]))
    held_out = people(first, Message.reason == "held-out")
    draft = make_corrected(first.id)
    expected = count_rest(first.id)
    assert fly(draft) == CampaignState.SENDING
    db.session.refresh(first)
    assert first.state == CampaignState.CANCELLED
    assert ledger(first.id).open == 0
    mine = people(draft)
    assert len(mine) == expected == draft.considered
    assert not mine.keys() & (reached.keys() | held_out.keys())
    assert mine.keys() | reached.keys() | held_out.keys() == people(first).keys()
    assert ledger(first.id).audience == first.considered
    assert ledger(draft.id).count(State.PLANNED) == expected


def test_people_keep_their_cell(first: Campaign) -> None:
    draft = make_corrected(first.id)
    fly(draft)
    places = {}
    for campaign in (first, draft):
        rows = db.session.execute(
            select(Message.subscriber_id, Message.variant_id).where(Message.campaign_id == campaign.id)
        ).all()
        order = sorted({variant for _, variant in rows if variant})
        places[campaign.id] = {person: order.index(variant) for person, variant in rows if variant}
    assert len(set(places[draft.id].values())) == 2
    assert all(places[first.id][person] == place for person, place in places[draft.id].items())


def test_consent_is_asked_anew(first: Campaign) -> None:
    draft = make_corrected(first.id)
    gone = list(people(first, Message.state == "planned"))[:3]
    suppress_people(gone)
    fly(draft)
    assert len(people(draft, Message.reason == "suppressed")) == 3


def test_choosing_other_lists_never_widens_it(first: Campaign) -> None:
    draft = make_corrected(first.id)
    others = make_list()
    add_people(others, 7)
    lists = [*draft.audience["lists"], others.id]
    draft = save_audience(draft.id, draft.version, lists=lists)
    assert count_audience(draft).considered == count_rest(first.id)


def test_it_waits_for_what_a_worker_holds(first: Campaign) -> None:
    put(first, 4, State.SENDING)
    draft = make_corrected(first.id)
    expected = count_rest(first.id) + 4
    assert fly(draft) == CampaignState.LAUNCHING
    db.session.refresh(first)
    assert first.state == CampaignState.CANCELLED
    assert "hands" not in draft.waiting_for
    assert "waits until" in draft.waiting_for
    given_back = update(Message).where(Message.campaign_id == first.id, Message.state == "sending")
    db.session.execute(given_back.values(state="planned"))
    assert freeze(draft.id) == CampaignState.SENDING
    assert draft.considered == expected
    assert draft.waiting_for == ""
    assert ledger(first.id).open == 0


def test_a_second_corrected_version_does_not_reach_those_of_the_first(first: Campaign) -> None:
    draft = make_corrected(first.id)
    fly(draft)
    with pytest.raises(Conflict):
        make_corrected(first.id)
    assert count_rest(first.id) == 0
    put(draft, 5, State.FAILED, "expired")
    control.pause(draft.id, "")
    third = make_corrected(draft.id)
    assert third.corrects_id == draft.id
    assert count_audience(third).considered == draft.considered


def test_who_is_in_a_corrected_version_is_not_tried_again_in_the_first(first: Campaign) -> None:
    draft = make_corrected(first.id)
    picks = [Pick(State.FAILED, "render"), Pick(State.SKIPPED, "cancelled")]
    assert count_second_try(first.id, picks).tried == 10
    fly(draft)
    found = count_second_try(first.id, picks)
    assert found.tried == 0
    assert found.left_out == {"corrected": draft.considered}


def test_only_what_is_under_way_or_cancelled_can_be_corrected(first: Campaign) -> None:
    put(first, 500, State.SENT)
    db.session.execute(update(Message).where(Message.state == "deferred").values(state="sent"))
    control.finish_if_done(first.id)
    with pytest.raises(Conflict, match="finished"):
        make_corrected(first.id)


def test_from_the_page_to_the_draft(as_eve: FlaskClient, first: Campaign, scope: Workspace) -> None:
    room = f"/w/{scope.slug}/campaigns/{first.id}/ledger"
    number = count_rest(first.id)
    assert f"{number} people are still open" in as_eve.get(f"{room}/correct").text
    in_doubt = select(Message.id).where(Message.campaign_id == first.id, Message.state == "planned").limit(2)
    db.session.execute(update(Message).where(Message.id.in_(in_doubt)).values(state="uncertain"))
    db.session.commit()
    shown = as_eve.get(room).text
    assert f"{number - 2} people are still open" in shown
    assert "Not among them: 2 in doubt, who may have it." in shown
    db.session.execute(update(Message).where(Message.state == "uncertain").values(state="planned"))
    db.session.commit()
    answer = as_eve.post(f"{room}/correct")
    assert answer.location.endswith("/content")
    again = as_eve.post(f"{room}/correct")
    assert again.location == answer.location


def test_its_pages_say_what_sending_it_does_to_the_first(
    as_eve: FlaskClient, scope: Workspace, first: Campaign
) -> None:
    draft = make_corrected(first.id)
    db.session.commit()
    for page in ("review", "content", "confirm"):
        shown = as_eve.get(f"/w/{scope.slug}/campaigns/{draft.id}/{page}").text
        assert "the rest there is cancelled: nobody gets both" in shown
        assert f"/campaigns/{first.id}/ledger" in shown
    assert "the rest there is cancelled" not in as_eve.get(f"/w/{scope.slug}/campaigns/{first.id}").text
