"""Signatures against the published test suite of Signature Version 4."""

from datetime import UTC, datetime

import pytest

from app.sending.apis.sigv4 import signed_headers

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "headers", "body", "names", "signature"),
    [
        ("GET", {}, b"", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", {}, b"", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST",
            FORM,
            b"Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_the_suites_examples_come_out_as_published(
    method: str, headers: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    signed = signed_headers(
        method,
        "https://example.amazonaws.com/",
        headers,
        body,
        key_id="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="service",
        at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert signed["X-Amz-Date"] == "20150830T123600Z"
    assert signed["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_the_body_is_under_the_signature() -> None:
    def signature(body: bytes) -> str:
        signed = signed_headers(
            "POST",
            "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails",
            {"Content-Type": "application/json"},
            body,
            key_id="A",
            secret="s",
            region="eu-central-1",
            service="ses",
            at=datetime(2026, 11, 1, tzinfo=UTC),
        )
        return signed["Authorization"].rpartition("=")[2]

    assert signature(b"{}") == signature(b"{}") != signature(b"{ }")
