"""Calls that are too much, and stored events that cannot be read: refused in words, and never in the way of others."""

import json
import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.accounts.models import Workspace
from app.accounts.setup import create_workspace
from app.core import clock
from app.core.database import db
from app.tracking.webhooks import intake
from app.tracking.webhooks.calls import TooMuch
from app.tracking.webhooks.reading import DEEPEST, MOST, read_json
from tests.factories.messages import Sent
from tests.factories.provider_events import event_of
from tests.factories.webhooks import Hooked, Signed, a_webhook, basic_call, signed_call, sns_call
from tests.tracking.webhooks.conftest import changed, post, rows, take_in


def nested(levels: int, inside: bytes = b"") -> bytes:
    """An event that is as many levels deep."""
    return b'{"RecordType":"Telepathy","a":' + b"[" * (levels - 1) + inside + b"]" * (levels - 1) + b"}"


def store_deep(hooked: Hooked, key: str = "deep", levels: int = 3000) -> None:
    """A row that PostgreSQL keeps and Python cannot read."""
    values = {
        "hook": hooked.hook.id,
        "workspace": hooked.hook.workspace_id,
        "key": key,
        "body": nested(levels).decode(),
    }
    db.session.execute(
        text(
            "INSERT INTO webhook_events (webhook_id, workspace_id, key, type, body)"
            " VALUES (:hook, :workspace, :key, 'Bounce', CAST(:body AS jsonb))"
        ),
        values,
    )
    db.session.commit()


def notes(hooked: Hooked) -> dict[str, tuple[bool, str]]:
    query = text("SELECT key, handled_at IS NOT NULL, note FROM webhook_events WHERE webhook_id = :hook")
    return {key: (done, note) for key, done, note in db.session.execute(query, {"hook": hooked.hook.id})}


@pytest.mark.parametrize("levels", [DEEPEST + 1, 400, 900, 970, 984, 100_000])
@pytest.mark.parametrize("inside", [b"", b'"\\u0000"'])
def test_what_is_nested_deep_is_refused_in_words(
    workspace: Workspace, visitor: FlaskClient, levels: int, inside: bytes
) -> None:
    hooked = a_webhook(workspace, "postmark")
    answer = post(visitor, hooked, changed(basic_call(None, hooked.secret), body=nested(levels, inside)))
    assert (answer.status_code, "nested" in answer.text, "Nothing was stored" in answer.text) == (400, True, True)
    assert notes(hooked) == {}


def test_what_is_nested_as_deep_as_may_be_is_kept(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "postmark")
    body = nested(DEEPEST, b'"brackets in text do not count: ' + b"[{" * 100 + b'\\" [[ \\\\"')
    assert post(visitor, hooked, changed(basic_call(None, hooked.secret), body=body)).status_code == 200
    assert len(rows(hooked)) == 1


def test_the_message_within_an_envelope_of_sns_is_counted_too(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "ses")
    answer = post(visitor, hooked, sns_call(nested(500).decode()))
    assert (answer.status_code, "nested" in answer.text) == (400, True)
    assert notes(hooked) == {}


def test_many_events_are_refused_before_they_are_made(workspace: Workspace, visitor: FlaskClient) -> None:
    hooked = a_webhook(workspace, "postmark")
    for body in (b"[" + b"{}," * 1_700_000 + b"{}]", json.dumps([{"ID": n} for n in range(MOST + 1)]).encode()):
        answer = post(visitor, hooked, changed(basic_call(None, hooked.secret), body=body))
        assert (answer.status_code, "10,000 events" in answer.text) == (413, True)
        assert notes(hooked) == {}
    body = json.dumps([{"ID": n} for n in range(MOST)]).encode()
    answer = post(visitor, hooked, changed(basic_call(None, hooked.secret), body=body))
    assert answer.text == f"Stored {MOST} of {MOST}.\n"
    take_in()


def test_a_million_objects_are_never_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "loads", lambda *_args, **_more: pytest.fail("was built"))
    with pytest.raises(TooMuch):
        read_json(b"[" + b"{}," * 1_700_000 + b"{}]")


@pytest.mark.parametrize("key", ["a first one", "in between", "zz last"])
def test_a_stored_event_that_cannot_be_read_stops_no_other(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, key: str
) -> None:
    other = create_workspace("Deep")
    theirs, ours = a_webhook(other, "postmark"), a_webhook(workspace, "postmark")
    complained = event_of("postmark", "complained", sent.mail_token)
    post(visitor, ours, signed_call("postmark", ours.secret, complained))
    store_deep(theirs, key)
    post(visitor, ours, signed_call("postmark", ours.secret, event_of("postmark", "delivered", sent.mail_token)))
    assert take_in() == 3
    assert sorted(event.kind for event in sent.events()) == ["complained", "delivered"]
    assert notes(theirs)[key] == (True, "could not be read: nested too deep; it is kept as it came")
    assert take_in() == 0


def test_an_event_that_upsets_the_ear_stops_no_other(
    workspace: Workspace, visitor: FlaskClient, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked, ear = a_webhook(workspace, "postmark"), intake.KINDS["postmark"].hear

    def hear(kind: str, event: dict[str, object]) -> object:
        if event.get("MessageID") == "odd":
            raise KeyError("odd")
        return ear(kind, event)

    monkeypatch.setattr(intake, "KINDS", {**intake.KINDS, "postmark": replace(intake.KINDS["postmark"], hear=hear)})
    odd = event_of("postmark", "delivered", sent.mail_token) | {"MessageID": "odd"}
    for event in (odd, event_of("postmark", "bounced", sent.mail_token)):
        post(visitor, hooked, signed_call("postmark", hooked.secret, event))
    assert take_in() == 2
    assert [row.note.partition(";")[0] for row in rows(hooked)] == [
        "could not be worked through: KeyError",
        "bounced: userunknown",
    ]


def test_one_by_one_it_stops_no_other_either(workspace: Workspace) -> None:
    from app.core.database import every_workspace
    from app.tracking.webhooks.one_by_one import take_in_one

    hooked = a_webhook(workspace, "postmark")
    store_deep(hooked)
    with every_workspace():
        number = db.session.scalar(text("SELECT max(id) FROM webhook_events"))
        assert take_in_one(number)
        db.session.commit()
    assert notes(hooked)["deep"] == (True, "could not be worked through: RecursionError")


def test_long_events_are_not_all_held_at_once(
    workspace: Workspace, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "OCTETS", 10_000)
    hooked, batches, next_batch = a_webhook(workspace, "postmark"), [], intake._next_batch
    monkeypatch.setattr(intake, "_next_batch", lambda last: batches.append(next_batch(last)) or batches[-1])
    events = [{"RecordType": "Open", "ID": number, "Details": "x" * 4_000} for number in range(5)]
    body = json.dumps([*events, {"RecordType": "Open", "ID": 9, "Details": "x" * 40_000}]).encode()
    post(visitor, hooked, changed(basic_call(None, hooked.secret), body=body))
    assert take_in() == 6
    assert [len(batch) for batch in batches] == [2, 2, 1, 1, 0]


def test_the_page_tells_of_an_event_that_cannot_be_read(workspace: Workspace, as_ada: FlaskClient) -> None:
    hooked = a_webhook(workspace, "postmark")
    store_deep(hooked)
    take_in()
    answer = as_ada.get(f"/w/{workspace.slug}/settings/webhooks/{hooked.hook.id}")
    assert answer.status_code == 200
    assert "could not be read: nested too deep" in answer.text
    assert "cannot be laid out" in answer.text


def test_the_page_names_the_recipient_of_each_event(
    workspace: Workspace, as_ada: FlaskClient, visitor: FlaskClient, sent: Sent
) -> None:
    hooked = a_webhook(workspace, "postmark")
    event = event_of("postmark", "delivered", sent.mail_token, to="ada+list@example.org")
    post(visitor, hooked, signed_call("postmark", hooked.secret, event))
    text_of = as_ada.get(f"/w/{workspace.slug}/settings/webhooks/{hooked.hook.id}").text
    summaries = re.findall(r"<summary class=\"break\">.*?</summary>", text_of, re.DOTALL)
    assert ["ada+list@example.org" in summary for summary in summaries] == [True]


@pytest.mark.parametrize(
    "body", [b'{"bad":1}', b'{"events":[{"bad":1}]}', b"{}", b"[]", b'{"events":[]}', b"[[]]", b"5"]
)
def test_what_is_not_in_our_own_format_is_refused(workspace: Workspace, visitor: FlaskClient, body: bytes) -> None:
    from app.tracking.webhooks.verify.generic import sign

    hooked = a_webhook(workspace, "generic")
    stamp = str(int(clock.now().timestamp()))
    headers = {"X-Merpati-Timestamp": stamp, "X-Merpati-Signature": sign(hooked.secret, stamp, body)}
    answer = post(visitor, hooked, Signed(body, headers))
    assert (answer.status_code, "Nothing was stored" in answer.text) == (400, True)
    assert notes(hooked) == {}
