"""A campaign through the API, from draft to report."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.campaigns.freeze import freeze
from app.campaigns.models import Campaign
from app.core.database import db, every_workspace, in_workspace
from app.sending.models import Transport
from tests.api.conftest import Program, problem

TWO = [{"share": 0.5, "subject": "Hello"}, {"share": 0.5, "subject": "Spring is here", "name": "Warm"}]


def frozen(workspace_id: int, number: int) -> None:
    """What a worker does after the launch."""
    with in_workspace(workspace_id):
        freeze(number)
        db.session.commit()


def later(hours: int = 5) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0).isoformat()


def test_from_draft_to_report(api: Program, workspace_id: int, draft: dict[str, Any]) -> None:
    path = f"/campaigns/{draft['id']}"
    assert draft["state"] == "draft"
    assert draft["variants"][0]["subject"]
    checked = api.get(f"{path}/review").json
    assert checked["recipients"] == 2
    assert not [finding for finding in checked["findings"] if finding["level"] == "error"]
    launched = api.post(f"{path}/launch", {"version": checked["version"]})
    assert (launched.status_code, launched.json["state"]) == (202, "launching")
    assert api.post(f"{path}/launch").json == launched.json
    frozen(workspace_id, draft["id"])
    status = api.get(f"{path}/status").json
    assert (status["state"], status["audience"], status["open"]) == ("sending", 2, 2)
    assert api.post(f"{path}/pause").json["state"] == "paused"
    problem(api.post(f"{path}/pause"), 409)
    assert api.post(f"{path}/resume").json["state"] == "sending"
    ended = api.post(f"{path}/cancel").json
    assert (ended["state"], ended["open"]) == ("cancelled", 0)
    assert ended["ledger"] == [{"state": "skipped", "reason": "cancelled", "count": 2}]
    problem(api.post(f"{path}/cancel"), 409)
    people = api.get(f"{path}/ledger?state=skipped&reason=cancelled").json
    assert [person["address"] for person in people] == ["ann@example.com", "bob@example.com"]
    assert len(api.get(f"{path}/ledger?limit=1&after={people[0]['id']}").json) == 1
    report = api.get(f"{path}/report").json
    assert report["total"]["considered"] == 2
    assert report["total"]["human_clicks"] == {"count": 0, "of": 0, "rate": None, "low": None, "high": None}


def test_variants_and_people_held_out(api: Program, workspace_id: int, letters: int) -> None:
    for number in range(30):  # enough that a draw leaves nobody out of luck
        api.post("/subscribers", {"email": f"person{number}@example.com", "lists": [letters]})
    body = {"name": "Test", "starter": "newsletter", "lists": [letters], "variants": TWO, "held_out": 0.5}
    made = api.post("/campaigns", body)
    assert made.status_code == 201, made.text
    assert [(row["position"], row["name"], row["subject"]) for row in made.json["variants"]] == [
        (1, "A", "Hello"),
        (2, "Warm", "Spring is here"),
    ]
    assert made.json["held_out"] == 0.5
    assert api.post(f"/campaigns/{made.json['id']}/launch").status_code == 202
    frozen(workspace_id, made.json["id"])
    report = api.get(f"/campaigns/{made.json['id']}/report").json
    assert [cell["name"] for cell in report["cells"]] == ["A", "Warm"]
    assert report["held_out"] + report["total"]["considered"] == 32


def test_a_change_writes_what_is_given_and_can_take_away(api: Program, draft: dict[str, Any], letters: int) -> None:
    path = f"/campaigns/{draft['id']}"
    full = api.patch(path, {"subject": "Hi", "preheader": "Look", "from_name": "Dove", "held_out": 0.25}).json
    assert full["audience"] == {"lists": [letters], "exclude": []}
    assert (full["variants"][0]["subject"], full["held_out"], full["mjml"]) == ("Hi", 0.25, draft["mjml"])
    emptied = {"subject": "", "preheader": "", "from_name": "", "held_out": 0, "lists": [], "mjml": ""}
    empty = api.patch(path, emptied).json
    variant = empty["variants"][0]
    assert (variant["subject"], variant["preheader"], empty["from_name"]) == ("", "", "")
    assert (empty["held_out"], empty["audience"]["lists"], empty["mjml"]) == (0, [], "")
    assert api.get(path).json == empty
    assert api.patch(path, {"track_opens": False}).json["track_opens"] is False
    assert api.patch(path, {}).json["version"] == api.get(path).json["version"]


def test_variants_come_and_go_by_a_change(api: Program, draft: dict[str, Any]) -> None:
    path = f"/campaigns/{draft['id']}"
    own = "<mjml><mj-body><mj-section><mj-column><mj-text>Own</mj-text></mj-column></mj-section></mj-body></mjml>"
    two = api.patch(path, {"variants": [TWO[0], {**TWO[1], "mjml": own}]}).json
    assert [variant["mjml"] for variant in two["variants"]] == [None, own]
    assert api.patch(path, {"mjml": "<mjml></mjml>"}).json["mjml"] == "<mjml></mjml>"
    one = api.patch(path, {"variants": [{"share": 1, "subject": "Alone", "mjml": own}]}).json
    assert [variant["subject"] for variant in one["variants"]] == ["Alone"]
    assert problem(api.patch(path, {"mjml": "x"}), 422)["field"] == "mjml"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"variants": []}, "variants"),
        ({"variants": [{"share": 0.5, "subject": "a"}]}, "variants"),
        ({"variants": [{"share": 0.25, "subject": "a"}] * 5}, "variants"),
        ({"variants": [{"subject": "a"}]}, "variants.0.share"),
        ({"variants": TWO, "subject": "x"}, "subject"),
        ({"held_out": 0.6}, "held_out"),
        ({"held_out": "much"}, "held_out"),
        ({"lists": [987654321]}, "lists"),
        ({"lists": [1.5]}, "lists.0"),
        ({"name": "  "}, "name"),
        ({"starter": "newsletter"}, "starter"),
        ({"track_opens": "perhaps"}, "track_opens"),
    ],
)
def test_a_change_that_cannot_be_taken_changes_nothing(
    api: Program, draft: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    path = f"/campaigns/{draft['id']}"
    before = api.get(path).json
    assert problem(api.patch(path, {"from_name": "Changed", **change}), 422)["field"] == field
    assert api.get(path).json == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"starter": "nothing"}, "starter"),
        ({"starter": "newsletter", "mjml": "<mjml></mjml>"}, "starter"),
        ({"name": ""}, "name"),
        ({"lists": [5], "exclude": "x"}, "exclude"),
    ],
)
def test_a_draft_that_cannot_be_made_is_not_made(api: Program, body: dict[str, Any], field: str) -> None:
    found = problem(api.post("/campaigns", {"name": "Spring", **body}), 422)
    assert field in {found["field"], *(error["field"] for error in found.get("errors", []))}
    assert api.get("/campaigns").json == []


def test_a_change_to_an_older_version_is_refused(api: Program, draft: dict[str, Any]) -> None:
    path = f"/campaigns/{draft['id']}"
    newer = api.patch(path, {"version": draft["version"], "name": "First"}).json
    refused = problem(api.patch(path, {"version": draft["version"], "name": "Second"}), 409)
    assert "Read it again" in refused["detail"]
    assert api.get(path).json == newer
    problem(api.post(f"{path}/launch", {"version": draft["version"]}), 409)


def test_what_is_under_way_cannot_be_changed(api: Program, draft: dict[str, Any]) -> None:
    path = f"/campaigns/{draft['id']}"
    api.post(f"{path}/launch")
    assert "Nothing was changed" in problem(api.patch(path, {"name": "Late"}), 409)["detail"]
    problem(api.delete(path), 409)


def test_a_draft_is_deleted(api: Program, draft: dict[str, Any]) -> None:
    assert api.delete(f"/campaigns/{draft['id']}").status_code == 204
    problem(api.get(f"/campaigns/{draft['id']}"), 404)


def test_what_the_review_stops_is_not_launched(api: Program) -> None:
    number = api.post("/campaigns", {"name": "Empty"}).json["id"]
    levels = {finding["level"] for finding in api.get(f"/campaigns/{number}/review").json["findings"]}
    assert "error" in levels
    assert problem(api.post(f"/campaigns/{number}/launch"), 422)["field"] == "review"
    assert api.get(f"/campaigns/{number}").json["state"] == "draft"


def test_a_launch_is_planned_moved_and_taken_back(api: Program, draft: dict[str, Any]) -> None:
    path, when = f"/campaigns/{draft['id']}/launch", later()
    planned = api.post(path, {"at": when}).json
    assert planned["state"] == "scheduled"
    assert datetime.fromisoformat(planned["scheduled_at"]) == datetime.fromisoformat(when)
    assert api.post(path, {"at": when}).json == planned
    assert api.post(path, {"at": later(6)}).json["scheduled_at"] != planned["scheduled_at"]
    assert api.delete(path).json["state"] == "draft"
    problem(api.delete(path), 409)


@pytest.mark.parametrize(
    ("at", "word"),
    [
        ("2099-05-01T09:00:00", "zone"),
        ("2001-05-01T09:00:00Z", "passed"),
        ("tomorrow", "2030-05-01T09:00:00+02:00"),
        (5, "2030-05-01T09:00:00+02:00"),
    ],
)
def test_a_time_that_cannot_be_taken(api: Program, draft: dict[str, Any], at: object, word: str) -> None:
    refused = problem(api.post(f"/campaigns/{draft['id']}/launch", {"at": at}), 422)
    assert refused["field"] == "at"
    assert word in refused["detail"]
    assert api.get(f"/campaigns/{draft['id']}").json["state"] == "draft"


def test_a_launch_is_laid_out_in_time(api: Program, draft: dict[str, Any]) -> None:
    path, when = f"/campaigns/{draft['id']}/launch", "2099-05-01T09:00"
    planned = api.post(path, {"timing": {"local_at": when, "spread": 120}}).json
    assert planned["state"] == "scheduled"
    assert planned["timing"] == {"local_at": when, "passed": "next-day", "spread": 120}
    assert planned["scheduled_at"] == "2099-04-30T18:50:00+00:00"
    assert api.post(path, {"timing": {"local_at": when, "spread": 120}}).json == planned
    assert api.delete(path).json["state"] == "draft"
    assert api.post(path, {"at": later(), "timing": {"spread": 30}}).json["timing"] == {"spread": 30}


@pytest.mark.parametrize(
    ("body", "field", "word"),
    [
        ({"timing": {"local_at": "2001-05-01T09:00"}}, "timing.local_at", "passed in every zone"),
        ({"timing": {"local_at": "2099-05-01T09:00+02:00"}}, "timing.local_at", "no zone"),
        ({"timing": {"local_at": "nine"}}, "timing.local_at", "2027-03-15T09:30"),
        ({"timing": {"local_at": "2099-05-01T09:00"}, "at": "2099-05-01T09:00:00Z"}, "at", "one time"),
        ({"timing": {"spread": 4}}, "timing.spread", "5 minutes to 7 days"),
        ({"timing": {"spread": "30"}}, "timing.spread", "integer"),
        ({"timing": {"local_at": "2099-05-01T09:00", "passed": "never"}}, "timing.passed", "next-day"),
        ({"timing": {"passed": "at-once"}}, "timing.passed", "no `local_at`"),
        ({"timing": {"passed": "next-day", "spread": 30}}, "timing.passed", "no `local_at`"),
        ({"timing": {"local_at": "2099-05-01T09:00", "passed": ""}}, "timing.passed", "next-day"),
        ({"timing": {"zone": "Asia/Jakarta"}}, "timing.zone", "not known"),
    ],
)
def test_a_timing_that_cannot_be_taken(
    api: Program, draft: dict[str, Any], body: dict[str, Any], field: str, word: str
) -> None:
    refused = problem(api.post(f"/campaigns/{draft['id']}/launch", body), 422)
    assert refused["field"] == field
    assert word in refused["detail"]
    assert api.get(f"/campaigns/{draft['id']}").json["state"] == "draft"


def test_a_launch_in_its_hold_is_undone(app: Flask, api: Program, workspace: Any, draft: dict[str, Any]) -> None:
    workspace.hold_seconds = 60
    db.session.commit()
    path = f"/campaigns/{draft['id']}"
    api.post(f"{path}/launch")
    frozen(workspace.id, draft["id"])
    assert api.get(path).json["state"] == "holding"
    assert api.delete(f"{path}/launch").json["state"] == "draft"
    assert api.get(f"{path}/status").json["audience"] == 0


def test_a_test_goes_to_an_address_and_a_variant_that_exist(api: Program, draft: dict[str, Any]) -> None:
    path = f"/campaigns/{draft['id']}/test"
    assert problem(api.post(path, {"email": "a@example.com", "variant": 2}), 422)["field"] == "variant"
    assert problem(api.post(path, {"email": "nobody"}), 422)["field"] == "email"
    assert problem(api.post(path, {}), 422)["field"] == "email"


def test_a_test_mail_is_sent_and_the_servers_words_come_back(
    api: Program, draft: dict[str, Any], mails: list[bytes]
) -> None:
    answer = api.post(f"/campaigns/{draft['id']}/test", {"email": "tess@example.com"})
    assert answer.status_code == 200, answer.text
    assert "taken" in answer.json["reply"]
    assert b"[Test]" in mails[0]


@pytest.mark.parametrize("query", ["state=nowhere", "state=%00", "after=x", "colour=red"])
def test_a_ledger_refuses_a_query_nobody_understands(api: Program, draft: dict[str, Any], query: str) -> None:
    problem(api.get(f"/campaigns/{draft['id']}/ledger?{query}"), 422)


def test_starters_can_be_chosen_from(api: Program) -> None:
    found = api.get("/campaigns/starters").json
    assert {"newsletter", "announcement"} <= {starter["slug"] for starter in found}
    for starter in found:
        assert api.post("/campaigns", {"name": starter["name"], "starter": starter["slug"]}).status_code == 201


def test_a_draft_takes_its_way_out_and_its_share(api: Program, workspace_id: int, draft: dict[str, Any]) -> None:
    path = f"/campaigns/{draft['id']}"
    assert (draft["stream"], draft["transport_id"], draft["weight"]) == ("marketing", None, 1)
    with in_workspace(workspace_id):
        own = Transport(name="own", kind="smtp", host="mail.example.com")
        db.session.add(own)
        db.session.commit()
        number = own.id
    changed = api.patch(path, {"stream": "transactional", "transport_id": number, "weight": 7})
    assert changed.status_code == 200, changed.text
    wanted = ("transactional", number, 7)
    assert tuple(api.get(path).json[name] for name in ("stream", "transport_id", "weight")) == wanted
    kept = api.patch(path, {"name": "Renamed"}).json
    assert (kept["stream"], kept["transport_id"], kept["weight"]) == wanted
    assert api.patch(path, {"transport_id": None}).json["transport_id"] is None
    made = api.post("/campaigns", {"name": "Receipts", "stream": "transactional", "weight": 3}).json
    assert (made["stream"], made["weight"]) == ("transactional", 3)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stream": "bulk"}, "stream"),
        ({"stream": None}, "stream"),
        ({"transport_id": 999_999}, "transport_id"),
        ({"transport_id": 0}, "transport_id"),
        ({"transport_id": "1"}, "transport_id"),
        ({"weight": 0}, "weight"),
        ({"weight": 11}, "weight"),
        ({"weight": 1.5}, "weight"),
    ],
)
def test_a_way_out_that_cannot_be_is_refused(
    api: Program, draft: dict[str, Any], body: dict[str, Any], field: str
) -> None:
    assert problem(api.patch(f"/campaigns/{draft['id']}", body), 422)["field"] == field
    assert api.get(f"/campaigns/{draft['id']}").json["version"] == draft["version"]


def test_a_strangers_transport_is_not_taken(api: Program, stranger: Program, draft: dict[str, Any]) -> None:
    theirs = stranger.post("/campaigns", {"name": "Theirs"}).json
    with every_workspace():
        own = Transport(name="theirs", kind="smtp", host="mail.example.com", workspace_id=_workspace_of(theirs["id"]))
        db.session.add(own)
        db.session.commit()
        number = own.id
    assert problem(api.patch(f"/campaigns/{draft['id']}", {"transport_id": number}), 422)["field"] == "transport_id"


def _workspace_of(campaign_id: int) -> int:
    return db.session.get_one(Campaign, campaign_id).workspace_id


def test_a_launch_is_taken_back_while_nothing_has_gone_out(
    api: Program, workspace_id: int, draft: dict[str, Any]
) -> None:
    path = f"/campaigns/{draft['id']}"
    api.post(f"{path}/launch", {"timing": {"spread": 60}})
    frozen(workspace_id, draft["id"])
    assert api.get(path).json["state"] == "sending"
    assert api.delete(f"{path}/launch").json["state"] == "draft"
    api.post(f"{path}/launch")
    frozen(workspace_id, draft["id"])
    with in_workspace(workspace_id):
        db.session.execute(text("UPDATE messages SET state = 'sent' WHERE campaign_id = :c"), {"c": draft["id"]})
        db.session.commit()
    assert "something has gone out" in problem(api.delete(f"{path}/launch"), 409)["detail"]
    assert api.get(f"{path}/status").json["audience"] == 2
