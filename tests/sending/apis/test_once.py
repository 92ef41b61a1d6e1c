"""One mail at once through a provider: test mails, confirmations."""

import asyncio
import json

import pytest

from app.core import clock
from app.core.errors import TemporaryFailure
from app.mail.simple import compose_simple
from app.mail.wire import Sender, WireMail
from app.sending.greeting import NoLine
from app.sending.simple import Refused, hand_over
from tests.sending.apis.providers import ALL, FakePostmark, FakeProvider, FakeSendGrid, FakeSes, Reply
from tests.sending.servers import running


def mail(address: str = "ada@example.com") -> WireMail:
    return compose_simple(
        sender=Sender("Aviary", "news@aviary.example.com", "desk@aviary.example.com"),
        to_name="Ada",
        to_email=address,
        subject="Please confirm",
        text="Please confirm: https://www.example.com/c/1",
        html="<p>Please confirm</p>",
        date=clock.now(),
        mail_domain="mail.example.com",
    )


@pytest.mark.parametrize("provider", ALL)
def test_it_returns_the_providers_words(provider: type[FakeProvider]) -> None:
    with running(provider()) as fake:
        words = asyncio.run(hand_over(fake.account(), mail()))
    assert words.startswith("250 2.0.0 Ok id=<")
    assert list(fake.taken) == ["ada@example.com"]


def test_replies_go_where_they_should() -> None:
    with running(FakePostmark()) as fake:
        asyncio.run(hand_over(fake.account(), mail()))
    [message] = fake.calls[0].json
    assert message["ReplyTo"] == "desk@aviary.example.com"
    assert "Metadata" not in message


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(401, b"{}"), NoLine, "refuses our calls"),
        (Reply(429, b"{}"), TemporaryFailure, "did not take the mail"),
        (Reply(503, b"{}", {"Retry-After": "5"}), TemporaryFailure, "did not take the mail"),
        (Reply(500, b"{}"), TemporaryFailure, "not known whether the mail was taken"),
        (Reply(302, b"{}"), TemporaryFailure, "not known whether the mail was taken"),
        (Reply(hang_up=True), TemporaryFailure, "not known whether the mail was taken"),
        (Reply(200, b"?"), TemporaryFailure, "not known whether the mail was taken"),
        (Reply(400, json.dumps({"message": "Illegal address"}).encode()), Refused, "Illegal address"),
    ],
)
def test_it_says_what_went_wrong(reply: Reply, error: type[Exception], words: str) -> None:
    with running(FakeSes(lambda *_: reply)) as fake, pytest.raises(error, match=words):
        asyncio.run(hand_over(fake.account(), mail()))


def test_an_address_no_api_takes_is_refused_untried() -> None:
    with running(FakeSendGrid()) as fake:
        with pytest.raises(Refused, match="letters beyond ASCII"):
            asyncio.run(hand_over(fake.account(), mail("zoë@example.com")))
        assert fake.connections == 0


def test_a_mail_that_is_too_long_is_refused_untried() -> None:
    long = mail()
    long = WireMail(long.envelope_from, long.envelope_to, False, long.data + b"x" * 6_000_000)
    with running(FakePostmark()) as fake:
        with pytest.raises(Refused, match="bytes"):
            asyncio.run(hand_over(fake.account(), long))
        assert fake.connections == 0


def test_nobody_there() -> None:
    with running(FakeSes()) as fake:
        account = fake.account()
    with pytest.raises(NoLine, match="cannot be reached"):
        asyncio.run(hand_over(account, mail()))
