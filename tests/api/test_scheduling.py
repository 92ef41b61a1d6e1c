"""Everything that decides when and by which way a campaign goes: set, refused with a pointer, told back."""

from typing import Any

import pytest

from app.accounts.models import Workspace
from tests.api.conftest import Program, problem
from tests.sending.transports import ways


def test_quiet_hours_and_limits_are_set_and_told_back(api: Program, viewer: Program, editor: Program) -> None:
    given = {
        "timezone": "Asia/Jakarta",
        "hold_seconds": 60,
        "quiet_from": "21:00",
        "quiet_to": "07:30",
        "most_messages": 3,
        "most_days": 14,
        "least_hours": 20,
    }
    answer = api.patch("/workspace", given)
    assert answer.status_code == 200, answer.text
    told = viewer.get("/workspace").json
    assert {name: told[name] for name in given} == given
    none = {"quiet_from": "", "quiet_to": "", "most_messages": None, "least_hours": None}
    assert api.patch("/workspace", none).status_code == 200
    told = viewer.get("/workspace").json
    assert {name: told[name] for name in none} == none
    assert told["most_days"] == 14, "what is left out stays"
    problem(editor.patch("/workspace", {"most_messages": 1}), 403)


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"quiet_from": "21:00"}, "quiet_to", "both ends"),
        ({"quiet_to": "07:00"}, "quiet_from", "both ends"),
        ({"quiet_from": "9 pm", "quiet_to": "07:00"}, "quiet_from", "21:00"),
        ({"quiet_from": "21:00", "quiet_to": "25:00"}, "quiet_to", "21:00"),
        ({"quiet_from": "08:00", "quiet_to": "07:00"}, "quiet_to", "four hours"),
        ({"quiet_from": "08:00", "quiet_to": "08:00"}, "quiet_to", "different times"),
        ({"most_messages": 0}, "most_messages", "1"),
        ({"most_messages": "3"}, "most_messages", "integer"),
        ({"most_days": None}, "most_days", "null"),
        ({"least_hours": 721}, "least_hours", "720"),
        ({"hold_seconds": 601}, "hold_seconds", "600"),
        ({"timezone": "Mars/Olympus"}, "timezone", "Asia/Jakarta"),
        ({"timezone": "localtime"}, "timezone", "Asia/Jakarta"),
        ({"from_email": "x@example.com"}, "from_email", "not known"),
    ],
)
def test_what_cannot_be_taken_names_its_part(api: Program, given: dict[str, Any], field: str, words: str) -> None:
    before = api.get("/workspace").json
    found = problem(api.patch("/workspace", given), 422)
    assert found["field"] == field
    assert words in found["detail"]
    assert api.get("/workspace").json == before


def test_stream_transport_and_weight_are_set_and_told_back(
    api: Program, draft: dict[str, Any], workspace: Workspace
) -> None:
    number = ways.add(workspace, 2501, name="Relay one", weight=4)
    given = {"stream": "transactional", "transport_id": number, "weight": 7}
    assert api.patch(f"/campaigns/{draft['id']}", given).status_code == 200
    told = api.get(f"/campaigns/{draft['id']}").json
    assert {name: told[name] for name in given} == given
    made = api.post("/campaigns", {"name": "Another", "starter": "newsletter", **given}).json
    assert {name: made[name] for name in given} == given
    review = api.get(f"/campaigns/{draft['id']}/review").json
    assert review["ways"] == [
        {"transport_id": number, "name": "Relay one", "standing": "carries", "share": 1.0, "words": ""}
    ]
    assert api.patch(f"/campaigns/{draft['id']}", {"transport_id": None}).json["transport_id"] is None


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"stream": "bulk"}, "stream", "`marketing` or `transactional`"),
        ({"stream": None}, "stream", "null"),
        ({"weight": 0}, "weight", "10"),
        ({"weight": "2"}, "weight", "integer"),
        ({"transport_id": 987654321}, "transport_id", "no such transport"),
        ({"transport_id": "relay"}, "transport_id", "integer"),
    ],
)
def test_a_way_that_is_none_names_its_part(
    api: Program, draft: dict[str, Any], given: dict[str, Any], field: str, words: str
) -> None:
    for answer in (api.patch(f"/campaigns/{draft['id']}", given), api.post("/campaigns", {"name": "New", **given})):
        found = problem(answer, 422)
        assert found["field"] == field
        assert words in found["detail"]


def test_a_transport_that_cannot_send_is_refused_and_the_list_says_so(
    api: Program, viewer: Program, stranger: Program, draft: dict[str, Any], workspace: Workspace
) -> None:
    off = ways.add(workspace, 2501, name="Relay off", is_enabled=False)
    ways.add(workspace, 2502, name="Relay ill", failures=1, last_words="535 No.")
    found = problem(api.patch(f"/campaigns/{draft['id']}", {"transport_id": off}), 422)
    assert found["field"] == "transport_id"
    assert "“Relay off” is switched off" in found["detail"]
    told = {row["name"]: row for row in viewer.get("/transports").json}
    assert (told["Relay off"]["can_send"], told["Relay ill"]["can_send"]) == (False, True)
    assert "switched off" in told["Relay off"]["trouble"]
    assert told["Relay ill"]["trouble"] == "535 No."
    assert "password" not in viewer.get(f"/transports/{off}").text
    assert stranger.get("/transports").json == []
    problem(stranger.get(f"/transports/{off}"), 404)


def test_a_launch_by_a_way_that_is_shut_is_refused(api: Program, draft: dict[str, Any], workspace: Workspace) -> None:
    ways.add(workspace, 2501, is_enabled=False)
    found = problem(api.post(f"/campaigns/{draft['id']}/launch", {}), 422)
    assert "No transport that is switched on takes marketing mail" in found["detail"]
    codes = [each["code"] for each in api.get(f"/campaigns/{draft['id']}/review").json["findings"]]
    assert "no-way-out" in codes


def test_a_test_that_goes_says_why_a_launch_would_not(
    api: Program, draft: dict[str, Any], workspace: Workspace, mails: list[bytes]
) -> None:
    path = f"/campaigns/{draft['id']}"
    assert api.post(f"{path}/test", {"email": "ada@example.com"}).json["warnings"] == []
    api.patch(path, {"from_email": "aviary@gmail.com"})
    answer = api.post(f"{path}/test", {"email": "ada@example.com"}).json
    assert answer["reply"].startswith("250 2.0.0 taken")
    assert "cannot be a newsletter's sender" in answer["warnings"][0]
    assert len(mails) == 2
