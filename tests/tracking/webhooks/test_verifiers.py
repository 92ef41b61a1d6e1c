"""What the verifiers promise of any call: the true one passes, and nothing else does, nor does anything break them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.core import clock
from app.core.errors import MerpatiError
from app.tracking.webhooks.calls import Call, Lock, Refused, event_key
from app.tracking.webhooks.fetching import certificate_place, confirmation_place
from app.tracking.webhooks.kinds import KINDS as ALL
from app.tracking.webhooks.reading import read_json, storable
from app.tracking.webhooks.verify.lateness import check_lateness
from tests.factories.webhooks import MAILGUN_KEY, TOPIC, Signed, sendgrid_key, signed_call
from tests.tracking.webhooks.conftest import KINDS

SECRETS = {"sendgrid": sendgrid_key(), "mailgun": MAILGUN_KEY, "resend": "whsec_YSBrZXkgb2YgUmVzZW5kLCAyNCBieXRl"}
BIND_ALL = [kind for kind in KINDS if kind not in ("postmark", "sparkpost", "brevo", "mailgun", "ses")]
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
noise = st.text(alphabet=st.characters(max_codepoint=255), max_size=60) | st.sampled_from(["Basic Og==", "Bearer "])
PROOFS = (
    *("authorization", "x-merpati-secret", "x-merpati-signature", "x-merpati-timestamp"),
    *("svix-id", "svix-timestamp", "svix-signature"),
    *("x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"),
)


def opened(kind: str, call: Signed, secret: str) -> None:
    """What the door does before it stores."""
    made = Call(call.body, {name.lower(): value for name, value in call.headers.items()}, clock.now())
    lock, chosen = Lock(7, secret, {"topic": TOPIC}), ALL[kind]
    if chosen.verify_bytes:
        chosen.verify_bytes(made, lock)
    body = read_json(call.body)
    if chosen.verify_body:
        chosen.verify_body(made, lock, body)
    list(chosen.split(made, body))


@pytest.mark.parametrize("kind", KINDS)
@given(event=st.dictionaries(st.text(), st.text() | st.integers(), max_size=5), seconds=st.integers(-280, 280))
@MANY
def test_a_true_call_passes(app: Flask, context: None, kind: str, event: dict[str, Any], seconds: int) -> None:
    secret = SECRETS.get(kind, "a secret of ours")
    event = event | {"type": "telepathy"} if kind == "generic" else event
    opened(kind, signed_call(kind, secret, event, seconds=seconds), secret)


@pytest.mark.parametrize("kind", BIND_ALL)
@given(data=st.data())
@MANY
def test_no_byte_of_a_signed_body_can_change(app: Flask, context: None, kind: str, data: st.DataObject) -> None:
    secret = SECRETS.get(kind, "a secret of ours")
    call = signed_call(kind, secret, {"event": "delivered", "email": "ada@example.org"})
    place = data.draw(st.integers(0, len(call.body) - 1))
    changed = call.body[:place] + bytes([call.body[place] ^ data.draw(st.integers(1, 255))]) + call.body[place + 1 :]
    with pytest.raises(Refused):
        opened(kind, Signed(changed, call.headers), secret)


@pytest.mark.parametrize("kind", KINDS)
@given(body=st.binary(max_size=200), headers=st.dictionaries(st.sampled_from(PROOFS), noise))
@MANY
def test_noise_is_refused_and_breaks_nothing(
    app: Flask, context: None, kind: str, body: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(MerpatiError):
        opened(kind, Signed(body, headers), SECRETS.get(kind, "a secret of ours"))


@pytest.mark.parametrize("kind", ["ses", "mailgun"])
@given(body=anything, inner=anything)
@MANY
def test_odd_json_is_refused_and_breaks_nothing(app: Flask, context: None, kind: str, body: Any, inner: Any) -> None:
    odd = {"signature": inner, "event-data": body, "TopicArn": TOPIC, "Type": inner, "SigningCertURL": inner}
    for each in (body, odd, {**odd, "Type": "Notification", "SignatureVersion": "2"}):
        with pytest.raises(MerpatiError):
            opened(kind, Signed(json.dumps(each).encode()), MAILGUN_KEY)


@pytest.mark.parametrize("kind", KINDS)
@given(event=anything, name=st.sampled_from(["Bounce", "bounce", "failed permanent", "email.bounced", "hard_bounce"]))
@MANY
def test_whatever_stands_in_an_event_it_can_be_read(app: Flask, kind: str, event: Any, name: str) -> None:
    from app.tracking.webhooks.translate.judging import fact_of

    wrapped = {"bounce": event, "data": {"bounce": event, "tags": event}, "delivery-status": event, "Metadata": event}
    for each in (
        event if isinstance(event, dict) else {},
        {**wrapped, "mail": event, "timestamp": event, "Type": event},
    ):
        fact_of(ALL[kind].hear(name, each), "key")


@given(value=anything)
@example(value={"at": [float("nan"), float("inf")]})
@MANY
def test_whatever_is_kept_is_fit_for_the_database(value: Any) -> None:
    text = storable(value)
    assert "\\u0000" not in text.replace("\\\\", "")
    json.loads(text, parse_constant=pytest.fail)
    text.encode()


@given(off=st.floats())
def test_only_a_near_time_is_fresh(off: float) -> None:
    call = Call(b"", {}, clock.now())
    if abs(off) <= 299:
        check_lateness(call, call.at.timestamp() + off)
    elif not abs(off) <= 301:
        with pytest.raises(Refused):
            check_lateness(call, call.at.timestamp() + off)


@given(given_id=st.none() | st.text() | st.integers(), other=st.text())
def test_a_key_is_short_plain_and_the_same_again(given_id: Any, other: str) -> None:
    key = event_key(given_id, other)
    assert key == event_key(given_id, other)
    assert 0 < len(key) <= 200
    assert key.isascii()


@given(
    url=st.text(max_size=60) | st.builds("https://{}amazonaws.com{}".format, st.text(max_size=30), st.text(max_size=20))
)
@MANY
def test_no_address_but_amazons_is_asked(url: str) -> None:
    for place in (certificate_place, confirmation_place):
        with suppress(Refused):
            assert place(url, TOPIC).host in ("sns.eu-central-1.amazonaws.com", "sns.eu-central-1.amazonaws.com.cn")
