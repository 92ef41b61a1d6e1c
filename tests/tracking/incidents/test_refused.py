"""What an owner reads while a provider refuses the sender: how many are kept, and what is not worth a card."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.campaigns.second_try import Pick, count_second_try
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.lifecycle import State
from app.tracking.incidents import bursts
from app.tracking.models import Incident
from tests.tracking.acting.world import bounce
from tests.tracking.incidents.crowd import Crowd, crowd
from tests.tracking.incidents.test_watch import refuse

LISTED = "550 5.7.1 Client host [192.0.2.25] blocked using lists.example.net"
_KNOWN = text(
    "INSERT INTO mailbox_domains (domain, provider, mx, looked_at, good_until) "
    "VALUES ('late.example.net', 'yahoo', 'mta7.am0.yahoodns.net', now(), now() + interval '1 hour')"
)


def test_the_page_tells_what_is_kept_and_what_came_back(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 60)
    with in_workspace(workspace.id):
        made.campaign.state = "sending"
        db.session.commit()
    made.tell(slice(0, 25), lambda: bounce("blocked", words=LISTED))
    refuse(made, 37)
    db.session.execute(text("UPDATE messages SET state = 'bounced' WHERE id = ANY(:ids)"), {"ids": ids(made, 0, 25)})
    db.session.commit()
    made.watch()
    (incident,) = made.incidents("blocked")
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{incident.id}").text)
    assert "Kept, tried by itself 12" in page
    assert "Sent back, for you to try again 25" in page
    assert "because of who sends them" in page
    assert made.suppressed() == set()


def test_a_policy_is_neither_the_sender_nor_the_content(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    made.tell(slice(0, 25), lambda: bounce("policyviolation", words="550 5.7.1 local policy"))
    (incident,) = made.incidents("blocked")
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{incident.id}").text)
    assert "A rule of theirs stood against it" in page
    assert made.suppressed() == set()


def test_a_handful_is_listed_below_what_matters(as_ada: FlaskClient, workspace: Workspace) -> None:
    crowd(workspace, 30, prefix="many").tell(slice(0, 25), lambda: bounce("blocked", words=LISTED))
    crowd(workspace, 200, provider="yahoo", prefix="one").tell(slice(0, 1), lambda: bounce("spamdetected"))
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents").text)
    big, everyday, small = (
        page.index(words) for words in ("Our server was refused", "Everyday refusals", "Taken for spam")
    )
    assert big < everyday < small


def test_a_reply_is_shown_rather_than_a_letter_that_tells_of_one(workspace: Workspace) -> None:
    made = crowd(workspace, 30)
    made.tell(slice(0, 1), lambda: bounce("blocked", words=LISTED))
    made.tell(slice(1, 2), lambda: bounce("blocked", words=f"Your message could not be delivered. {LISTED}"))
    assert made.incidents("blocked")[0].words == LISTED
    made.watch()
    assert made.incidents("blocked")[0].words == LISTED


def test_mail_that_went_before_its_domain_was_known_is_the_providers(workspace: Workspace) -> None:
    made = crowd(workspace, 30, provider="", domain="late.example.net")
    db.session.execute(_KNOWN)
    db.session.commit()
    made.tell(slice(0, 3), lambda: bounce("blocked", words=LISTED))
    made.watch()
    (incident,) = made.incidents("blocked")
    assert (incident.provider, incident.count, incident.of) == ("yahoo", 3, 30)


@pytest.mark.parametrize(
    ("kind", "reason", "label"), [("complaints", "complained", "Complaints 7"), ("change", "deferrals", "failed 7")]
)
def test_our_own_sentence_is_not_shown_as_their_words(
    as_ada: FlaskClient, workspace: Workspace, kind: str, reason: str, label: str
) -> None:
    sentence = "7 of 1,000 in six hours (0.7%); before, 1 of 9,000."
    with in_workspace(workspace.id):
        incident = Incident(
            workspace_id=workspace.id, kind=kind, provider="google", reason=reason, words=sentence, count=7, of=1000,
            began_at=clock.now() - timedelta(hours=1), seen_at=clock.now(), action="nothing",
        )  # fmt: skip
        db.session.add(incident)
        db.session.commit()
        number = incident.id
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{number}").text)
    assert page.count(sentence) == 1
    assert "Their words" not in page
    assert label in page


def ids(made: object, start: int, stop: int) -> list[int]:
    return [message.id for message in made.messages[start:stop]]  # type: ignore[attr-defined]


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize("decisions", [("discard",), ("believe", "undo")])
def test_who_was_not_believed_dead_can_get_the_mail_after_all(
    as_ada: FlaskClient, workspace: Workspace, decisions: tuple[str, ...]
) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(0, 30), lambda: bounce("userunknown", "permanent", words="550 5.1.1 user unknown"))
    made.watch()
    path = f"/w/{workspace.slug}/incidents/{made.incidents()[0].id}"
    for decision in decisions:
        assert "Try again" not in as_ada.get(path).text
        said = as_ada.post(f"{path}/{decision}", follow_redirects=True).text
        assert ": 0 addresses" not in said
    assert f"/campaigns/{made.campaign.id}/ledger/incidents/{path.rpartition('/')[2]}" in as_ada.get(path).text
    with in_workspace(workspace.id):
        found = count_second_try(made.campaign.id, [Pick(State.BOUNCED, "onhold")])
    assert (found.tried, found.left) == (30, 0)
    made.tell(slice(30, 40), lambda: bounce("userunknown", "permanent"))
    made.watch()
    with in_workspace(workspace.id):
        assert count_second_try(made.campaign.id, [Pick(State.BOUNCED, "onhold")]).tried == 40
    assert made.suppressed() == set()


def test_an_answer_that_was_good_is_never_quoted_as_the_refusal(workspace: Workspace) -> None:
    made = crowd(workspace, 20)
    refuse(made, 8)
    with in_workspace(workspace.id):
        db.session.execute(
            text(
                "INSERT INTO attempts (at, workspace_id, message_id, campaign_id, transport, outcome, code, reply) "
                "SELECT now() + interval '1s', workspace_id, id, campaign_id, '', 'sent', 250, '2.0.0 Ok: queued' "
                "FROM messages WHERE campaign_id = :campaign"
            ),
            {"campaign": made.campaign.id},
        )
        db.session.commit()
    made.watch()
    assert made.incidents("blocked")[0].words == "421 on our list"


def test_what_has_fallen_silent_is_not_said_to_go_on(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 40)
    made.tell(slice(0, 25), lambda: bounce("blocked", words=LISTED))
    path = f"/w/{workspace.slug}/incidents"
    assert "Going on" in as_ada.get(path).text
    with clock.moved(timedelta(minutes=22)):
        made.watch()
        page = plain(as_ada.get(path).text)
        assert "Going on" not in page
        assert "Quiet for now" in page
        assert "The last was" in plain(as_ada.get(f"{path}/{made.incidents('blocked')[0].id}").text)


def test_a_burst_counts_what_it_holds_and_says_until_when(as_ada: FlaskClient, workspace: Workspace) -> None:
    bursts._rest.clear()
    made = crowd(workspace, 54)
    made.tell(slice(0, 25), lambda: bounce("userunknown", "permanent", words="550 5.1.1 user unknown"))
    db.session.execute(text("UPDATE incidents SET count = 20 WHERE workspace_id = :w"), {"w": workspace.id})
    db.session.commit()
    waiting = sum(one.suppression_id is None for one in made.held())
    assert waiting
    made_path = f"/w/{workspace.slug}/incidents/{made.incidents()[0].id}"
    page = plain(as_ada.get(made_path).text.replace("<wbr>", ""))
    assert f"{max(20, len(made.held()))} of 54 messages failed" in page
    assert "It holds by itself until" in page
    first = made.held()[0].message_id
    address = next(message.address for message in made.messages if message.id == first)
    assert address in page, "who may see incidents may see people"


def test_kept_are_those_that_were_refused_not_all_that_is_open(as_ada: FlaskClient, workspace: Workspace) -> None:
    made = crowd(workspace, 40)
    with in_workspace(workspace.id):
        made.campaign.state = "sending"
        db.session.commit()
    refuse(made, 12)
    db.session.execute(
        text(
            "UPDATE messages SET state = 'planned', sent_at = NULL, next_attempt_at = now() + interval '9 hours' "
            "WHERE id = ANY(:ids)"
        ),
        {"ids": ids(made, 20, 40)},
    )
    db.session.commit()
    made.watch()
    (incident,) = made.incidents("blocked")
    page = plain(as_ada.get(f"/w/{workspace.slug}/incidents/{incident.id}").text)
    assert "Kept, tried by itself 12" in page


def test_after_the_second_try_the_page_tells_what_became_of_it(as_ada: FlaskClient, workspace: Workspace) -> None:
    made, path = burst_of(workspace, 30)
    as_ada.post(f"{path}/discard")
    assert "These people got nothing yet" in plain(as_ada.get(path).text)
    for state, start, stop in (("sent", 0, 20), ("planned", 20, 24), ("failed", 24, 25)):
        db.session.execute(
            text("UPDATE messages SET state = :state, reason = '' WHERE id = ANY(:ids)"),
            {"state": state, "ids": ids(made, start, stop)},
        )
    db.session.commit()
    page = plain(as_ada.get(path).text)
    assert "25 of them were tried again: 20 were taken, 4 are on their way, 1 failed again." in page
    assert "5 got nothing yet: try their messages again" in page
    db.session.execute(
        text("UPDATE messages SET state = 'sent', reason = '' WHERE id = ANY(:ids)"), {"ids": ids(made, 20, 30)}
    )
    db.session.commit()
    page = plain(as_ada.get(path).text)
    assert "30 of them were tried again: 30 were taken." in page
    assert "got nothing yet" not in page
    assert "Try again" not in page


def test_what_a_person_decided_is_not_said_to_be_done_by_itself(as_ada: FlaskClient, workspace: Workspace) -> None:
    made, path = burst_of(workspace, 30)
    as_ada.post(f"{path}/believe")
    itself, decided = done_and_decided(as_ada.get(path).text)
    assert "suppressed" not in itself
    assert "Ada" in decided
    assert "30 addresses were suppressed" in decided
    as_ada.post(f"{path}/undo")
    page = as_ada.get(path).text
    itself, decided = done_and_decided(page)
    assert "Ada" in decided
    assert "nobody is suppressed because of it" in decided
    assert "what is held then still waits" not in plain(page), "nothing is held"
    assert made.suppressed() == set()


def burst_of(workspace: Workspace, number: int) -> tuple[Crowd, str]:
    """So many of forty who failed alike; the crowd, and the address of the incident's page."""
    bursts._rest.clear()
    made = crowd(workspace, 40)
    made.tell(slice(0, number), lambda: bounce("userunknown", "permanent", words="550 5.1.1 user unknown"))
    made.watch()
    return made, f"/w/{workspace.slug}/incidents/{made.incidents()[0].id}"


def done_and_decided(page: str) -> tuple[str, str]:
    itself, _, decided = plain(page).partition("What was done by itself")[2].partition("What was decided")
    return itself, decided.partition("What to do")[0]
