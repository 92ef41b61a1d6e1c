"""Which spellings in a report mean the mailbox we wrote to, and which are somebody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.mime import read_parts
from app.mail.same_mailbox import is_same_mailbox, named_in_report, names_other

ADA = "ada@example.org"


@pytest.mark.parametrize(
    "named",
    [
        "ada@example.org",
        "ADA@Example.ORG",
        "ada+news@example.org",
        "<ada@example.org>",
        "rfc822; ada@example.org",
        '"ada"@example.org',
        "@relay.example.net,@mx.example.org:ada@example.org",
        "ada%example.org@relay.example.net",
        "relay!ada@relay.example.net",
        "ada@mail.example.org",
        "ada@tenant.onmicrosoft.com",
        "ada@mx1.internal",
        "ada@localhost",
        "ada",
        "ada_example.org#EXT#@tenant.onmicrosoft.com",
        "SRS0=HHH=TT=example.org=ada@forward.example.net",
        "prvs=1234abcd=ada@example.org",
    ],
)
def test_ours(named: str) -> None:
    assert is_same_mailbox(named, ADA)
    assert names_other([named], ADA) == ""


@pytest.mark.parametrize(
    "named",
    ["grace@example.org", "stranger@elsewhere.test", "adam@example.org", "ada.lovelace@example.org", "ad@example.org"],
)
def test_somebody_elses(named: str) -> None:
    assert names_other([named], ADA) == named
    assert names_other([named], ADA, may_hide=True) == named


@pytest.mark.parametrize(
    "named",
    [
        "IMCEAEX-_O=HOUSE_OU=X_CN=RECIPIENTS_CN=ADA1@example.org",
        "/o=House/ou=X/cn=Recipients/cn=a1",
        "c=de;a=x;s=Ada",
        "",
    ],
)
def test_names_of_directories_are_nobody_elses(named: str) -> None:
    assert names_other([named], ADA) == ""


@pytest.mark.parametrize(
    "named",
    ["redacted@example.net", "xxxxx@example.net", "***@example.net", "cb4a01a48251d4765f489076aa81e2a4@example.net"],
)
def test_what_was_made_unreadable_may_be_ours_where_that_is_done(named: str) -> None:
    assert names_other([named], ADA, may_hide=True) == ""
    assert names_other([named], ADA) == named


def test_names_that_every_house_has() -> None:
    assert is_same_mailbox("info@mail.example.org", "info@example.org")
    assert is_same_mailbox("info@house.onmicrosoft.com", "info@example.org")
    assert not is_same_mailbox("info@example.com", "info@example.org")


def test_domains_beyond_ascii_in_either_form() -> None:
    assert is_same_mailbox("info@xn--bcher-kva.example", "info@bücher.example")


def test_one_of_ours_among_others_is_enough() -> None:
    assert names_other(["grace@example.org", "ada@mail.example.org"], ADA) == ""


@given(st.text(max_size=60), st.emails())
def test_it_never_raises_and_an_address_is_always_its_own(named: str, address: str) -> None:
    names_other([named], address, may_hide=True)
    assert is_same_mailbox(address, address)


def report(prose: str, fields: str, extra: str = "") -> bytes:
    return f"""From: MAILER-DAEMON@mx.example.net
Subject: Undelivered
{extra}Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

{prose}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Sender: rfc822; news@ours.example

{fields}
Action: failed
Status: 5.1.1

--b
Content-Type: message/rfc822

To: ada@example.org
Subject: Weekly

Hello ada@example.org

--b--
""".encode()


def test_the_returned_mail_names_nobody() -> None:
    mail = read_parts(report("It failed.", "Final-Recipient: rfc822; other@example.net"))
    assert named_in_report(mail) == ["other@example.net"]


@pytest.mark.parametrize(
    ("prose", "fields", "extra"),
    [
        (
            "<other@example.net> (expanded from <ada@example.org>): unknown",
            "Final-Recipient: rfc822; other@example.net",
            "",
        ),
        ("It failed.", "Final-Recipient: rfc822; o@example.net\nOriginal-Recipient: rfc822;ada@example.org", ""),
        ("It failed.", "Final-Recipient: rfc822; o@example.net", "X-Failed-Recipients: ada@example.org\n"),
    ],
)
def test_what_names_ours(prose: str, fields: str, extra: str) -> None:
    assert ADA in named_in_report(read_parts(report(prose, fields, extra)))
