"""What the simulated providers say must mean to Merpati's own reader what it means here."""

import pytest

from app.mail.classify import classify_reply
from app.mail.reading import read_mail
from app.simulator.people import SOFT_LATER
from app.simulator.providers import OUTLOOK, PROVIDERS, YAHOO
from app.simulator.returns import complaint, delivery_report, free_text_report, vacation
from app.simulator.words import say
from tests.simulator.test_returns import original


@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_an_unknown_mailbox_condemns_the_address(provider: str) -> None:
    for what, stage in (
        ("unknown", "rcpt"),
        ("full", "rcpt"),
        ("trouble", "rcpt"),
        ("greylist", "rcpt"),
        ("spam", "data"),
    ):
        saying = say(provider, what, address="ada@x.test", queue_id="7")
        verdict = classify_reply(saying.code, f"{saying.status} {saying.text}", stage=stage)  # type: ignore[arg-type]
        assert verdict.suppress is (what == "unknown"), (what, verdict)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_blocklist_speaks_of_the_sender_however_it_is_told(provider: str) -> None:
    saying = say(provider, "blocked", address="ada@x.test")
    verdict = classify_reply(saying.code, f"{saying.status} {saying.text}", stage="rcpt")
    assert (verdict.reason, verdict.scope, verdict.persistence) == ("blocked", "sender-reputation", "permanent")
    for write in (delivery_report, free_text_report):
        for address in ("ada@yahoo.example.com", "jürgen@yahoo.example.com"):
            mail = read_mail(write(original(address, PROVIDERS[provider]), saying))
            assert mail.kind == "bounce"
            assert [(one.address, one.reason, one.suppress) for one in mail.recipients] == [(address, "blocked", False)]


def test_a_full_mailbox_and_a_rate_limit_are_told_apart() -> None:
    full, limit = say("gmail", "full"), say("gmail", "limit")
    assert classify_reply(full.code, f"{full.status} {full.text}", stage="rcpt").reason == "mailboxfull"
    assert classify_reply(limit.code, f"{limit.status} {limit.text}", stage="rcpt").reason == "speeding"


def test_returned_mail_is_read_for_what_it_is() -> None:
    dead = read_mail(delivery_report(original(), say("yahoo", "unknown", address="ada@yahoo.example.com")))
    assert dead.kind == "bounce"
    assert [(report.reason, report.suppress) for report in dead.recipients] == [("userunknown", True)]
    for reason, saying in SOFT_LATER:
        soft = read_mail(delivery_report(original(), saying))
        assert soft.kind == "bounce"
        assert not soft.recipients[0].suppress, reason


def test_complaints_and_robots_are_recognized() -> None:
    for provider, to in ((YAHOO, "ada@yahoo.example.com"), (OUTLOOK, "ada@outlook.example.com")):
        assert read_mail(complaint(original(to, provider), "fbl@bounces.example.com")).kind == "complaint"
    assert read_mail(vacation(original())).kind == "autoreply"
