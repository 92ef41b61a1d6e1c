"""Whatever a provider answers becomes exactly one verdict per message, and never two tries of one that was taken."""

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import clock
from app.messages.lifecycle import State
from app.sending.apis.account import ApiAccount
from app.sending.apis.answers import Answer, Said, Unanswered
from app.sending.apis.exchange import Response
from app.sending.apis.registry import PROVIDERS, sender_for
from app.sending.apis.sender import Sender, wait_asked
from app.sending.greeting import NoLine
from app.sending.verdicts import judge
from tests.sending.apis.providers import KEY

OPTIONS = {"region": "eu-central-1", "domain": "news.example.com"}
KINDS = sorted(PROVIDERS)


def sender(kind: str, **changes: Any) -> Sender:
    usual: dict[str, Any] = {"kind": kind, "name": "Fake", "username": "AKIDEXAMPLE00000", "password": KEY}
    return sender_for(ApiAccount(**{**usual, "options": OPTIONS, **changes}))


def state(answer: Answer) -> tuple[State, str, bool]:
    """What the ledger makes of an answer: state, reason, suppression."""
    if isinstance(answer, Unanswered):
        return (State.UNCERTAIN if answer.handed_over else State.PLANNED), "", False
    if answer.stage == "final" and answer.reply.code < 300:
        return State.SENT, "", False
    outcome = judge(1, 0.0, answer.stage, answer.reply).outcome
    return outcome.state, outcome.reason, outcome.suppress


def reads(kind: str, status: int, body: object, headers: dict[str, str] | None = None) -> tuple[State, str, bool]:
    response = Response(status, headers or {}, json.dumps(body).encode())
    [answer] = sender(kind).read(response, 1)
    return state(answer)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
NAMES = ("ErrorCode", "MessageID", "Message", "MessageId", "id", "errors", "field", "message", "__type")
names = st.sampled_from(NAMES)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
bodies = st.binary(max_size=200) | trees.map(lambda tree: json.dumps(tree).encode())
headers = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-reset", "x-message-id", "x-amzn-errortype"]),
    st.text(st.characters(max_codepoint=255), max_size=20),
)


@pytest.mark.parametrize("kind", KINDS)
@given(status=st.integers(200, 599), body=bodies, headers=headers, many=st.integers(1, 5), whole=st.booleans())
def test_any_response_gives_one_answer_per_message(
    kind: str, status: int, body: bytes, headers: dict[str, str], many: int, whole: bool
) -> None:
    provider = sender(kind)
    count = min(many, provider.most_per_call)
    try:
        answers = provider.read(Response(status, headers, body, whole), count)
    except NoLine:
        return
    assert len(answers) == count
    for answer in answers:
        found, _reason, _dead = state(answer)
        assert found in (State.SENT, State.DEFERRED, State.BOUNCED, State.UNCERTAIN)
        assert (found is not State.SENT) or status < 300
        # What may have been taken is never tried again.
        assert (found is not State.DEFERRED) or status >= 400 or kind == "postmark"
        if isinstance(answer, Said):
            assert answer.hold is None or answer.hold >= 0
            assert "\n" not in answer.reply.text


@given(st.lists(st.sampled_from([0, 10, 100, 300, 406, 405, 429, 499, None]), min_size=1, max_size=8))
def test_each_message_of_a_batch_has_its_own_verdict(codes: list[int | None]) -> None:
    results = [{"ErrorCode": code, "Message": "Words", "MessageID": f"m{i}"} for i, code in enumerate(codes)]
    response = Response(200, {}, json.dumps(results).encode())
    try:
        answers = sender("postmark").read(response, len(codes))
    except NoLine:
        assert all(codes)
        assert {10, 405} & set(codes)
        return
    for index, (code, answer) in enumerate(zip(codes, answers, strict=True)):
        found, _reason, dead = state(answer)
        assert (found is State.SENT) == (code == 0)
        assert (found is State.UNCERTAIN) == (code is None)
        assert not dead
        if code == 0:
            assert isinstance(answer, Said)
            assert answer.reply.text == f"2.0.0 Ok id=<m{index}>"


@pytest.mark.parametrize(
    ("kind", "status", "body", "expected"),
    [
        ("ses", 200, {"MessageId": "0100-abc"}, (State.SENT, "", False)),
        ("ses", 200, {}, (State.UNCERTAIN, "", False)),
        ("ses", 429, {"message": "Maximum sending rate exceeded."}, (State.DEFERRED, "speeding", False)),
        ("ses", 400, {"__type": "ThrottlingException", "message": "Slow"}, (State.DEFERRED, "speeding", False)),
        ("ses", 400, {"__type": "x#BadRequestException", "message": "Illegal address"}, (State.BOUNCED, "", False)),
        ("ses", 400, {"__type": "MessageRejected", "message": "A virus was found"}, (State.BOUNCED, "", False)),
        ("ses", 500, {"__type": "InternalFailure"}, (State.UNCERTAIN, "", False)),
        ("ses", 504, {}, (State.UNCERTAIN, "", False)),
        ("sendgrid", 202, "", (State.SENT, "", False)),
        ("sendgrid", 200, {"a": "proxy's page"}, (State.UNCERTAIN, "", False)),
        (
            "sendgrid",
            400,
            {"errors": [{"field": "personalizations.0.to.0.email", "message": "Does not contain a valid address."}]},
            (State.BOUNCED, "userunknown", True),
        ),
        ("sendgrid", 400, {"errors": [{"field": "content"}]}, (State.BOUNCED, "contenterror", False)),
        ("mailgun", 200, {"id": "<2@news.example.com>"}, (State.SENT, "", False)),
        (
            "mailgun",
            400,
            {"message": "'to' parameter is not a valid address. please check documentation"},
            (State.BOUNCED, "userunknown", True),
        ),
        ("mailgun", 500, {"message": "Try again"}, (State.UNCERTAIN, "", False)),
        ("mailgun", 503, {"message": "Try again"}, (State.UNCERTAIN, "", False)),
        ("mailgun", 408, {}, (State.DEFERRED, "", False)),
        ("postmark", 503, {"ErrorCode": 100, "Message": "Maintenance"}, (State.DEFERRED, "systemerror", False)),
        ("postmark", 503, {"Message": "Oops"}, (State.UNCERTAIN, "", False)),
        ("postmark", 200, [{"ErrorCode": 406, "Message": "inactive"}], (State.BOUNCED, "filtered", False)),
        (
            "postmark",
            200,
            [{"ErrorCode": 300, "Message": "Invalid 'To' address: 'a..b@example.com'."}],
            (State.BOUNCED, "userunknown", True),
        ),
        ("postmark", 200, [{"ErrorCode": 300, "Message": "Zero HtmlBody"}], (State.BOUNCED, "contenterror", False)),
        ("postmark", 200, [], (State.UNCERTAIN, "", False)),
        ("postmark", 429, {"ErrorCode": 429, "Message": "Rate limit exceeded"}, (State.DEFERRED, "speeding", False)),
    ],
)
def test_known_answers_mean_what_the_documentation_says(
    kind: str, status: int, body: object, expected: tuple[State, str, bool]
) -> None:
    found = reads(kind, status, body)
    assert (found[0], found[2]) == (expected[0], expected[2])
    assert expected[1] in ("", found[1])


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("ses", 403, {"__type": "SignatureDoesNotMatch", "message": f"… {KEY} …"}),
        ("ses", 400, {"__type": "MessageRejected", "message": "Email address is not verified: news@example.com"}),
        ("ses", 400, {"__type": "SendingPausedException"}),
        ("ses", 404, {"__type": "NotFoundException", "message": "Configuration set <news> does not exist"}),
        ("sendgrid", 401, {"errors": [{"message": "The provided authorization grant is invalid"}]}),
        ("sendgrid", 403, {"errors": [{"message": "The from address does not match a verified Sender Identity."}]}),
        ("mailgun", 401, {"message": "Forbidden"}),
        ("mailgun", 400, {"message": "Sandbox subdomains are for test purposes only. Please add your own domain"}),
        ("postmark", 401, {"ErrorCode": 10, "Message": f"No token {KEY}"}),
        ("postmark", 422, {"ErrorCode": 402, "Message": "Invalid JSON"}),
        ("postmark", 200, [{"ErrorCode": 412, "Message": "Account is pending approval"}]),
        ("postmark", 307, {}),
        ("sendgrid", 406, {"errors": [{"message": "Missing Accept header"}]}),
        ("mailgun", 402, {"message": "Payment required"}),
    ],
)
def test_what_speaks_of_the_account_is_nobodys_bounce(kind: str, status: int, body: object) -> None:
    with pytest.raises(NoLine, match="refuses our calls") as raised:
        reads(kind, status, body)
    assert raised.value.is_setup
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 507, 520, 524, 529])
def test_a_fault_after_the_whole_call_is_a_doubt(kind: str, status: int) -> None:
    assert reads(kind, status, {})[0] is State.UNCERTAIN


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_unavailable_and_names_a_time_took_nothing(kind: str) -> None:
    response = Response(503, {"retry-after": "7"}, b"")
    [answer] = sender(kind).read(response, 1)
    assert isinstance(answer, Said)
    assert (state(answer)[0], answer.hold) == (State.DEFERRED, 7.0)


def test_throttling_is_none_of_it_whatever_the_status() -> None:
    [answer] = sender("ses").read(Response(503, {"x-amzn-errortype": "Throttling:http://x/"}, b""), 1)
    assert state(answer)[0] is State.DEFERRED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [300, 302, 303, 304])
def test_a_redirect_that_may_follow_a_deed_is_a_doubt_and_ends_the_run(kind: str, status: int) -> None:
    where = {"location": f"https://login.example.com/?{KEY}"}
    [answer] = sender(kind).read(Response(status, where, b""), 1)
    assert isinstance(answer, Unanswered)
    assert answer.handed_over
    assert answer.stops
    assert "login.example.com" in answer.why
    assert KEY not in answer.why


def test_the_time_to_wait_is_read_in_every_form() -> None:
    later = clock.now() + timedelta(seconds=90)
    assert wait_asked({"retry-after": "7"}) == 7.0
    assert 80 < wait_asked({"retry-after": format_datetime(later)}) < 91
    assert 80 < wait_asked({"x-ratelimit-reset": str(int(later.timestamp()))}) < 91
    assert wait_asked({"retry-after": "soon"}) == wait_asked({}) == wait_asked({"x-ratelimit-reset": "5"}) == 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"password": ""},
        {"password": "two\r\nlines"},
        {"password": "schlüssel"},
        {"base_url": "http://api.sendgrid.com"},
        {"base_url": "https://169.254.169.254"},
        {"base_url": "https://127.0.0.1.example.com"},
        {"base_url": "https://api.example.com@127.0.0.2/"},
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_account_that_cannot_be_right_says_so(kind: str, changes: dict[str, str]) -> None:
    with pytest.raises(NoLine) as raised:
        sender(kind, **changes)
    assert raised.value.is_setup
    assert "Nothing was sent" in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ses", {"region": "eu-central-1.example.com/"}),
        ("ses", {}),
        ("mailgun", {"domain": "../../v4/keys"}),
        ("mailgun", {"domain": "a.example.com/../x"}),
    ],
)
def test_options_cannot_lead_a_call_elsewhere(kind: str, options: dict[str, str]) -> None:
    with pytest.raises(NoLine):
        sender(kind, options=options)


def test_regions_have_addresses_of_their_own() -> None:
    addresses = {
        ("ses", "us-east-1"): "https://email.us-east-1.amazonaws.com",
        ("ses", "us-gov-west-1"): "https://email.us-gov-west-1.amazonaws.com",
        ("sendgrid", "us"): "https://api.sendgrid.com",
        ("sendgrid", "eu"): "https://api.eu.sendgrid.com",
        ("mailgun", "us"): "https://api.mailgun.net",
        ("mailgun", "eu"): "https://api.eu.mailgun.net",
        ("postmark", ""): "https://api.postmarkapp.com",
    }
    for (kind, region), address in addresses.items():
        assert sender(kind, options={**OPTIONS, "region": region}).base_url == address


def test_the_key_is_not_shown() -> None:
    account = ApiAccount("ses", "SES", password=KEY)
    assert KEY not in repr(account)
