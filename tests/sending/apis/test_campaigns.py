"""Campaigns through each provider, by the engine's front door."""

import re
from base64 import b64decode
from collections import Counter
from email import message_from_bytes, policy
from typing import Any

import pytest

from app.accounts.models import Workspace
from app.core.database import db, in_workspace
from app.core.extensions import keyring
from app.core.tokens import Purpose
from app.sending.apis.registry import PROVIDERS
from app.sending.transports import TransportFields, save_transport
from tests.sending import world
from tests.sending.apis.conftest import Send
from tests.sending.apis.providers import ALL, KEY, FakeMailgun, FakePostmark, FakeProvider, FakeSendGrid, FakeSes
from tests.sending.servers import running


@pytest.mark.parametrize("provider", ALL)
def test_a_campaign_is_sent_to_everybody_once(workspace: Workspace, send: Send, provider: type[FakeProvider]) -> None:
    campaign = world.plan_campaign(workspace, 120)
    with running(provider()) as fake:
        result = send(campaign, fake.account())
    assert world.states(campaign) == {"sent": 120}
    assert (result.outcome, result.has_more) == ("finished", False)
    assert fake.taken == Counter(f"person{n}@example.com" for n in range(120))
    assert fake.connections <= 4
    assert max(len(call.body) for call in fake.calls) > 1000
    [run] = world.runs(campaign)
    assert run.outcome == "finished"


@pytest.mark.parametrize("provider", ALL)
def test_the_providers_name_of_a_message_stands_in_its_attempt(
    workspace: Workspace, send: Send, provider: type[FakeProvider]
) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(provider()) as fake:
        send(campaign, fake.account())
    rows = world.attempts(campaign)
    found = {re.sub(r"@.*", "", re.search(r"id=<([^>]+)>", row.reply)[1]) for row in rows}  # type: ignore[index]
    assert found == set(fake.ids.values())
    assert {(row.outcome, row.code, row.status, row.transport) for row in rows} == {
        ("sent", 250, "2.0.0", fake.account().name)
    }


def test_ses_gets_our_own_mime_and_our_token(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 1)
    with running(FakeSes()) as fake:
        send(campaign, fake.account(options={**fake.options(), "bounces_by_mail": "yes"}))
    [call] = fake.calls
    row = world.message(campaign, "person0@example.com")
    token = keyring().sign_for_mail(Purpose.RETURN_PATH, row.id)
    assert call.json["EmailTags"] == [{"Name": "merpati-token", "Value": token}]
    assert call.json["ConfigurationSetName"] == "news"
    assert call.json["FeedbackForwardingEmailAddress"] == f"b+{token}@bounces.example.com"
    mail = message_from_bytes(b64decode(call.json["Content"]["Raw"]["Data"]), policy=policy.default)
    assert mail["X-Merpati-Message"] == token
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/eu-central-1/ses/aws4_request" in call.headers["authorization"]


def test_mailgun_gets_our_own_mime_with_tracking_off(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 1)
    with running(FakeMailgun()) as fake:
        send(campaign, fake.account())
    [call] = fake.calls
    form = message_from_bytes(b"Content-Type: " + call.headers["content-type"].encode() + b"\r\n\r\n" + call.body)
    parts: dict[str, Any] = {str(p.get_param("name", header="content-disposition")): p for p in form.get_payload()}
    values = {name: part.get_payload() for name, part in parts.items() if name != "message"}
    token = keyring().sign_for_mail(Purpose.RETURN_PATH, world.message(campaign, "person0@example.com").id)
    assert values == {
        "to": "person0@example.com",
        "o:tracking": "no",
        "o:tracking-clicks": "no",
        "o:tracking-opens": "no",
        "v:merpati-token": token,
    }
    [mail] = parts["message"].get_payload()
    assert mail["X-Merpati-Message"] == token
    assert b64decode(call.headers["authorization"].removeprefix("Basic ")) == f"api:{KEY}".encode()


def test_sendgrid_gets_the_parts_of_the_mail(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 1)
    world.change("UPDATE subscribers SET first_name = 'Zoë, Dr.' WHERE workspace_id = :w", w=workspace.id)
    with running(FakeSendGrid()) as fake:
        send(campaign, fake.account())
    call = fake.calls[0].json
    token = keyring().sign_for_mail(Purpose.RETURN_PATH, world.message(campaign, "person0@example.com").id)
    assert call["personalizations"] == [{"to": [{"email": "person0@example.com", "name": "Zoë, Dr."}]}]
    assert call["from"] == {"email": "news@aviary.example.com", "name": "Aviary News"}
    assert call["subject"] == "News for Zoë, Dr."
    assert [part["type"] for part in call["content"]] == ["text/plain", "text/html"]
    assert "Dear Zoë, Dr." in call["content"][0]["value"]
    assert call["custom_args"] == {"merpati_token": token}
    assert call["headers"]["X-Merpati-Message"] == token
    assert call["headers"]["List-Unsubscribe"].startswith("<http://localhost/u/")
    assert not {name.lower() for name in call["headers"]} & {"to", "from", "subject", "content-type", "dkim-signature"}
    assert not [name for name, values in call["tracking_settings"].items() if values["enable"]]
    assert "asm" not in call


def test_postmark_gets_many_at_once(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 200)
    with running(FakePostmark(slow=0.05)) as fake:
        send(campaign, fake.account(options={"stream": "news"}))
    assert world.states(campaign) == {"sent": 200}
    assert len(fake.calls) < 100
    assert max(len(call.json) for call in fake.calls) <= 100
    message = fake.calls[0].json[0]
    assert message["MessageStream"] == "news"
    assert (message["TrackOpens"], message["TrackLinks"]) == (False, "None")
    assert message["From"] == '"Aviary News" <news@aviary.example.com>'
    assert {"Name": "X-PM-KeepID", "Value": "true"} in message["Headers"]
    headers = {header["Name"]: header["Value"] for header in message["Headers"]}
    assert message["Metadata"] == {"merpati-token": headers["X-Merpati-Message"]}


def test_no_call_holds_more_than_the_account_allows(workspace: Workspace, send: Send) -> None:
    campaign = world.plan_campaign(workspace, 60)
    with running(FakePostmark()) as fake:
        send(campaign, fake.account(per_call=3, connections=2))
    assert world.states(campaign) == {"sent": 60}
    assert max(len(call.json) for call in fake.calls) == 3
    assert fake.most_busy <= 2


def test_every_provider_says_what_its_page_asks() -> None:
    assert set(PROVIDERS) == {"ses", "sendgrid", "mailgun", "postmark"}
    for provider in PROVIDERS.values():
        names = [field.name for field in provider.fields]
        assert len(names) == len(set(names))
        assert [field.name for field in provider.fields if field.is_secret] == ["password"]
        for field in provider.fields:
            assert re.compile(field.pattern)
            assert str(field.label)


def test_a_transport_of_the_workspace_is_used_as_it_is_saved(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 10)
    with running(FakePostmark()) as fake, in_workspace(workspace.id):
        base_url = fake.account().base_url
        options = {"stream": "news", "base_url": base_url}
        save_transport(keyring(), TransportFields("Our Postmark", "postmark", password=KEY, options=options))
        db.session.commit()
        world.send(campaign, "smtp://127.0.0.1:9")
    assert world.states(campaign) == {"sent": 10}
    assert fake.calls[0].json[0]["MessageStream"] == "news"
    assert {row.transport for row in world.attempts(campaign)} == {"Our Postmark"}
