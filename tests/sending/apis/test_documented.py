"""Answers that providers document, or that their users met: what speaks of the account costs nobody an address."""

import json
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from app.mail.dkim import Signer
from app.mail.dkim_keys import make_key, read_key
from app.mail.simple import compose_simple
from app.mail.wire import Sender as From
from app.messages.lifecycle import State
from app.sending.apis.answers import Said, Unanswered
from app.sending.apis.exchange import Response
from app.sending.greeting import NoLine
from app.sending.parcel import Parcel
from tests.sending.apis.test_answers import reads, sender, state

MAILGUN_DOMAIN = f"Domain {'a' * 60}.{'b' * 60}.news.example.com is not allowed to send: "


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("ses", 400, {"__type": "MailFromDomainNotVerifiedException", "message": "No MX record was found"}),
        ("ses", 400, {"__type": "MessageRejected", "message": "Sending suspended for this account. See the inbox."}),
        ("ses", 400, {"__type": "AccountSuspendedException", "message": ""}),
        ("ses", 400, {"__type": "ConfigurationSetDoesNotExist", "message": "Configuration set <news> is missing"}),
        ("ses", 400, {"__type": "IncompleteSignature", "message": "The signature has no date"}),
        ("sendgrid", 400, {"errors": [{"field": "from.email", "message": "Does not contain a valid address."}]}),
        ("sendgrid", 400, {"errors": [{"field": "reply_to.email", "message": "Does not contain a valid address."}]}),
        ("sendgrid", 401, {"errors": [{"field": None, "message": "Maximum credits exceeded"}]}),
        ("mailgun", 400, {"message": "'from' parameter is not a valid address. please check documentation"}),
        ("mailgun", 400, {"message": "Free accounts are for test purposes only. Please upgrade."}),
        ("mailgun", 400, {"message": MAILGUN_DOMAIN + "recipient limit exceeded"}),
        ("mailgun", 400, {"message": MAILGUN_DOMAIN + "You are sending too fast."}),
        ("mailgun", 403, {"message": MAILGUN_DOMAIN + "Account disabled"}),
        ("postmark", 200, [{"ErrorCode": 300, "Message": "Invalid 'From' address: 'a@example.com' is not verified."}]),
        ("postmark", 200, [{"ErrorCode": 300, "Message": "Error parsing 'ReplyTo': Illegal email address"}]),
        ("postmark", 200, [{"ErrorCode": 400, "Message": "The 'From' address is no Sender Signature"}]),
        ("postmark", 200, [{"ErrorCode": 403, "Message": "Invalid request field(s)."}]),
        ("postmark", 200, [{"ErrorCode": 410, "Message": "Too many messages"}]),
        ("postmark", 200, [{"ErrorCode": 422, "Message": "Invalid Server or Account."}]),
        ("postmark", 200, [{"ErrorCode": 1480, "Message": "Not from this IP address"}]),
    ],
)
def test_what_speaks_of_sender_or_account_is_nobodys_bounce(kind: str, status: int, body: object) -> None:
    with pytest.raises(NoLine) as raised:
        reads(kind, status, body)
    assert raised.value.is_setup


@pytest.mark.parametrize(
    "words",
    [
        "Illegal address",
        "Invalid email address",
        "Missing final '@domain'",
        "Missing local name",
        "Domain contains illegal character",
        "Local address contains control or whitespace",
    ],
)
def test_ses_does_not_say_whose_address_is_wrong(words: str) -> None:
    """The sender's gets the same words: they may cost the message, never everybody who was to have it."""
    found, _reason, is_dead = reads("ses", 400, {"__type": "BadRequestException", "message": words})
    assert (found, is_dead) == (State.BOUNCED, False)


@pytest.mark.parametrize(
    ("kind", "status", "body", "expected"),
    [
        ("mailgun", 400, {"message": "'to' parameter is not a valid address."}, (State.BOUNCED, "userunknown", True)),
        (
            "postmark",
            200,
            [{"ErrorCode": 300, "Message": "Error parsing 'To': Illegal email address 'a..b@example.com'"}],
            (State.BOUNCED, "userunknown", True),
        ),
        ("postmark", 200, [{"ErrorCode": 411, "Message": "File type"}], (State.BOUNCED, "contenterror", False)),
        ("ses", 400, {"__type": "LimitExceededException", "message": "Daily message quota exceeded."}, None),
        ("ses", 429, {"__type": "TooManyRequestsException", "message": "Maximum sending rate exceeded."}, None),
    ],
)
def test_what_speaks_of_one_message_or_of_haste(
    kind: str, status: int, body: object, expected: tuple[State, str, bool] | None
) -> None:
    assert reads(kind, status, body) == (expected or (State.DEFERRED, "speeding", False))


def test_one_message_with_a_bad_sender_among_others_waits() -> None:
    results = [{"ErrorCode": 0, "MessageID": "m1"}, {"ErrorCode": 300, "Message": "Invalid 'From' address"}]
    found = sender("postmark").read(Response(200, {}, json.dumps(results).encode()), 2)
    assert [state(answer)[0] for answer in found] == [State.SENT, State.DEFERRED]


def test_a_fault_of_postmarks_own_leaves_a_doubt() -> None:
    results = [{"ErrorCode": 101, "Message": "An error that should not have occurred"}]
    [answer] = sender("postmark").read(Response(200, {}, json.dumps(results).encode()), 1)
    assert isinstance(answer, Unanswered)
    assert answer.handed_over


def test_mailgun_tells_the_time_to_wait_in_the_body() -> None:
    [answer] = sender("mailgun").read(Response(429, {}, b'{"retry-seconds": 60}'), 1)
    assert isinstance(answer, Said)
    assert answer.hold == 60.0
    for odd in (b'{"retry-seconds": "soon"}', b'{"retry-seconds": -1}', b'{"retry-seconds": true}', b"[]", b""):
        [answer] = sender("mailgun").read(Response(429, {"retry-after": "7"}, odd), 1)
        assert isinstance(answer, Said)
        assert answer.hold == 7.0


def test_sendgrid_tells_when_its_period_ends() -> None:
    reset = int((clock.now() + timedelta(seconds=30)).timestamp())
    headers = {"x-ratelimit-limit": "150", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}
    [answer] = sender("sendgrid").read(Response(429, headers, b'{"errors": [{"message": "too many requests"}]}'), 1)
    assert isinstance(answer, Said)
    assert answer.hold is not None
    assert 25 < answer.hold < 31


@pytest.mark.parametrize("signatures", [0, 1, 2])
def test_ses_gets_no_signature_that_it_would_break(signatures: int) -> None:
    """SES writes Date and Message-ID anew, both of which we sign, and signs by itself."""
    data = _mail()
    signer = Signer("example.com", "one", read_key(make_key("rsa-sha256")))
    signed = data
    for _ in range(signatures):
        signed = signer.sign(signed)
    [call] = [sender("ses").request([_parcel(signed)])]
    assert b64decode(json.loads(call.body)["Content"]["Raw"]["Data"]) == data


def _mail(**changes: Any) -> bytes:
    usual: dict[str, Any] = {
        "sender": From("Aviary", "news@aviary.example.com"),
        "to_name": "Ada",
        "to_email": "ada@example.com",
        "subject": "DKIM-Signature: not one",
        "text": "DKIM-Signature: nor this\n",
        "html": "<p>Hello</p>",
        "date": clock.now(),
        "mail_domain": "mail.example.com",
    }
    return compose_simple(**{**usual, **changes}).data


def _parcel(data: bytes) -> Parcel:
    parcel = Parcel(1, None, None, 1, "ada@example.com")
    parcel.recipient, parcel.data, parcel.token = "ada@example.com", data, "token"
    return parcel
