"""From a planned ledger to a sent one, through the front door."""

from collections import Counter
from email import message_from_bytes, policy

from app.accounts.models import Workspace
from app.core.extensions import keyring
from app.core.tokens import Purpose
from tests.sending import world
from tests.sending.servers import Server, running


def test_a_campaign_is_sent_to_everybody_once(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 60)
    with running(Server()) as server:
        result = world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 60}
    assert result.counts["sent"] == 60
    assert not result.has_more
    assert server.recipients == Counter(f"person{n}@example.com" for n in range(60))
    assert max(server.message_ids.values()) == 1
    [run] = world.runs(campaign)
    assert run.outcome == "finished"
    assert run.ended_at is not None


def test_each_message_has_one_attempt_with_the_servers_words(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 3)
    with running(Server()) as server:
        world.send(campaign, server.url)
    rows = world.attempts(campaign)
    assert [(row.outcome, row.code, row.status, row.reply) for row in rows] == [
        ("sent", 250, "2.0.0", "2.0.0 Ok: queued as 4B2A")
    ] * 3
    assert {row.transport for row in rows} == {f"127.0.0.1:{server.port}"}


def test_the_mail_names_its_message_where_bounces_and_complaints_find_it(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 1)
    with running(Server()) as server:
        world.send(campaign, server.url)
    mail = message_from_bytes(server.messages[0], policy=policy.default)
    row = world.message(campaign, "person0@example.com")
    token = keyring().sign_for_mail(Purpose.RETURN_PATH, row.id)
    assert mail["Message-ID"] == f"<{token}@mail.example.com>"
    assert b"MAIL FROM:<b+" + token.encode() + b"@bounces.example.com>" in server.commands
    assert mail["Subject"] == "News for Ann"
    assert f"/u/{keyring().sign(Purpose.MESSAGE, row.id)}" in mail["List-Unsubscribe"]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Dear Ann" in text.get_content()
    assert f"http://localhost/c/{keyring().sign(Purpose.MESSAGE, row.id)}/" in html.get_content()


def test_without_pipelining_it_goes_step_by_step(workspace: Workspace) -> None:
    class Plain(Server):
        extensions = ()

        def rcpt(self, wire, line):  # type: ignore[no-untyped-def]
            super().rcpt(wire, line)
            assert wire._buffer == b"", "nothing may be sent ahead"

    campaign = world.plan_campaign(workspace, 20)
    with running(Plain()) as server:
        world.send(campaign, server.url)
    assert world.states(campaign) == {"sent": 20}
    assert max(server.message_ids.values()) == 1


def test_peoples_own_attributes_are_brought_when_a_mail_names_them(workspace: Workspace) -> None:
    compiled = world.design(plain=world.PLAIN + "{{ subscriber.city }}\n")
    campaign = world.plan_campaign(workspace, 2, compiled=compiled)
    world.change('UPDATE subscribers SET attributes = \'{"city": "Oslo"}\' WHERE workspace_id = :w', w=workspace.id)
    with running(Server()) as server:
        world.send(campaign, server.url)
    assert all(b"Oslo" in raw for raw in server.messages)


def test_who_does_not_want_to_be_tracked_is_not(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 1)
    world.change("UPDATE subscribers SET tracking = false WHERE workspace_id = :w", w=workspace.id)
    with running(Server()) as server:
        world.send(campaign, server.url)
    [raw] = server.messages
    mail = message_from_bytes(raw, policy=policy.default)
    html = mail.get_body(("html",))
    assert html is not None
    assert 'href="https://www.example.com/story"' in html.get_content()
    assert "/o/" not in html.get_content()


def test_a_connection_carries_no_more_than_the_account_allows(workspace: Workspace) -> None:
    campaign = world.plan_campaign(workspace, 23)
    with running(Server()) as server:
        world.change(
            "INSERT INTO transports (workspace_id, name, kind, host, port, security, limits) VALUES (:w, 'x', 'smtp', "
            "'127.0.0.1', :port, 'none', '{\"connections\": 1, \"messages_per_connection\": 5}')",
            w=workspace.id,
            port=server.port,
        )
        world.send(campaign, "smtp://127.0.0.1:9")
    assert world.states(campaign) == {"sent": 23}
    assert server.connections == 5
