"""From a recipient's domain to the provider, by DNS or without it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.models import Workspace
from app.core.errors import SettingsError
from app.core.settings import Settings
from app.sending.pacing.domains import campaigns_to_learn, learn_domains
from app.sending.pacing.mx import Answer, Fault, Table, look_up, read_map, resolver_for, use_resolver
from tests.sending import world
from tests.sending.pacing.people import plan


class Replaced:
    """Answers from a table; counts the questions."""

    def __init__(self, **hosts: str) -> None:
        self.hosts = {name.replace("_", "."): host for name, host in hosts.items()}
        self.asked: Counter[str] = Counter()
        self.at_once = self.most = 0

    async def mx(self, domain: str) -> Answer:
        self.asked[domain] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0.02)
        finally:
            self.at_once -= 1
        host = self.hosts.get(domain)
        if host is None:
            raise Fault("DNS did not answer in time")
        return Answer(host, 1_000_000.0 if domain.startswith("long") else 1.0)


@pytest.fixture
def resolver() -> Iterator[Replaced]:
    replaced = Replaced(
        firm_example_org="mx1.google.com",
        dead_example_org=".",
        own_example_org="mx.own.example.org",
        long_example_org="mail.host.example.net",
    )
    use_resolver(replaced)
    yield replaced
    use_resolver(None)


def providers(campaign: int) -> dict[str, str]:
    rows = world.look(
        "SELECT split_part(address, '@', 2) AS domain, provider FROM messages WHERE campaign_id = :c", campaign
    )
    return {row.domain: row.provider for row in rows}


def unknown(workspace: Workspace, **people: int) -> int:
    world.change("DELETE FROM mailbox_domains")
    campaign = plan(workspace, **people)
    world.change("UPDATE messages SET provider = '' WHERE campaign_id = :c", c=campaign)
    return campaign


def test_each_domain_is_asked_about_once_and_many_at_a_time(workspace: Workspace, resolver: Replaced) -> None:
    campaign = unknown(workspace, firm_example_org=9, dead_example_org=2, own_example_org=1, long_example_org=1)
    assert campaign in campaigns_to_learn()
    assert learn_domains(campaign) == 4
    assert set(resolver.asked.values()) == {1}
    assert resolver.most == 4
    assert providers(campaign) == {
        "firm.example.org": "google",
        "dead.example.org": "none",
        "own.example.org": "example.org",
        "long.example.org": "example.net",
    }
    assert campaign not in campaigns_to_learn()
    assert learn_domains(campaign) == 0
    assert set(resolver.asked.values()) == {1}


def test_who_was_deferred_before_anything_was_known_is_looked_up_before_the_next_try(
    workspace: Workspace, resolver: Replaced
) -> None:
    campaign = unknown(workspace, firm_example_org=2, own_example_org=1)
    world.change("UPDATE campaigns SET launched_at = now() WHERE id = :c", c=campaign)
    # A worker had claimed them all by the time somebody came to look.
    world.change("UPDATE messages SET state = 'sending' WHERE campaign_id = :c", c=campaign)
    learn_domains(campaign)
    world.change(
        "UPDATE messages SET state = 'deferred', next_attempt_at = now() + interval '5 minutes' WHERE campaign_id = :c",
        c=campaign,
    )
    assert campaign in campaigns_to_learn()
    learn_domains(campaign)
    assert providers(campaign) == {"firm.example.org": "google", "own.example.org": "example.org"}
    assert campaign not in campaigns_to_learn()


def test_the_greatest_domains_can_be_looked_up_first(workspace: Workspace, resolver: Replaced) -> None:
    campaign = unknown(workspace, own_example_org=1, firm_example_org=9, long_example_org=2)
    assert learn_domains(campaign, most=2) == 2
    assert providers(campaign) == {
        "firm.example.org": "google",
        "long.example.org": "example.net",
        "own.example.org": "",
    }
    assert campaign in campaigns_to_learn()


def test_an_answer_is_good_for_a_minute_at_least_and_an_hour_at_most(workspace: Workspace, resolver: Replaced) -> None:
    campaign = unknown(workspace, firm_example_org=1, long_example_org=1)
    learn_domains(campaign)
    rows = world.look(
        "SELECT domain, extract(epoch FROM good_until - looked_at)::int AS good FROM mailbox_domains WHERE :c > 0",
        campaign,
    )
    assert {row.domain: row.good for row in rows} == {"firm.example.org": 60, "long.example.org": 3600}
    world.change("UPDATE mailbox_domains SET good_until = now() - interval '1 second' WHERE domain LIKE 'firm%'")
    resolver.hosts["firm.example.org"] = "mta.yahoodns.net"
    learn_domains(campaign)
    assert providers(campaign)["firm.example.org"] == "yahoo"


def test_without_an_answer_the_great_ones_are_known_and_others_stand_alone(
    workspace: Workspace, resolver: Replaced
) -> None:
    campaign = unknown(workspace, gmail_com=2, lost_example_org=1)
    learn_domains(campaign)
    assert providers(campaign) == {"gmail.com": "google", "lost.example.org": "lost.example.org"}
    [row] = world.look("SELECT * FROM mailbox_domains WHERE domain = 'lost.example.org' AND :c > 0", campaign)
    assert "in time" in row.fault
    resolver.hosts["lost.example.org"] = "x.olc.protection.outlook.com"
    world.change("UPDATE mailbox_domains SET good_until = now() - interval '1 second' WHERE fault <> ''")
    learn_domains(campaign)
    assert providers(campaign)["lost.example.org"] == "outlook"


def test_a_fault_forgets_nothing_that_was_known(workspace: Workspace, resolver: Replaced) -> None:
    campaign = unknown(workspace, firm_example_org=1)
    learn_domains(campaign)
    world.change("UPDATE mailbox_domains SET good_until = now() - interval '1 second'")
    del resolver.hosts["firm.example.org"]
    learn_domains(campaign)
    assert providers(campaign) == {"firm.example.org": "google"}


@pytest.mark.slow
def test_a_resolver_that_never_answers_holds_nobody_up() -> None:
    class Deaf:
        async def mx(self, domain: str) -> Answer:
            await asyncio.sleep(60)
            raise AssertionError(domain)

    start = time.monotonic()
    found = asyncio.run(look_up([f"d{number}.example.org" for number in range(50)], Deaf()))
    assert time.monotonic() - start < 6.0
    assert {one.fault for one in found} == {"DNS did not answer in time"}


def test_reserved_names_are_not_asked_about() -> None:
    found = asyncio.run(look_up(["a.test", "b.example.com", "c.invalid"], Table({"b.example.com": "mx.google.com"})))
    assert {one.domain: one.provider for one in found} == {
        "a.test": "a.test",
        "b.example.com": "google",
        "c.invalid": "c.invalid",
    }
    assert not any(one.fault for one in found)


def test_a_map_in_a_file_answers_for_dns(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "map"
    path.write_text("# the world\nmail.test mx.google.com.  # as Gmail\ngone.test .\n\n")
    resolver = resolver_for(settings.model_copy(update={"mx_map": path}))
    found = asyncio.run(look_up(["mail.test", "gone.test"], resolver))
    assert [one.provider for one in found] == ["google", "none"]
    path.write_text("mail.test\n")
    with pytest.raises(SettingsError, match="Line 1"):
        read_map(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_map(tmp_path / "nothing")
