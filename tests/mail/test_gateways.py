"""What gateways say of other servers' replies, and who may be believed."""

import pytest

from app.mail.classify import classify_reply, judge
from app.mail.reading import read_mail
from tests.mail.notices_of_gateways import GATEWAYS


@pytest.mark.parametrize("name", GATEWAYS)
def test_the_reply_within_a_gateways_words_counts(name):
    expected = GATEWAYS[name]
    mail = read_mail(expected.raw)
    assert tuple((one.address, one.reason, one.suppress) for one in mail.recipients) == expected.told


@pytest.mark.parametrize(
    ("reporter", "suppress"),
    [("server-7.bemta-3.messagelabs.com", True), ("mx.example.org", False), ("notmessagelabs.com", False)],
)
def test_a_gateway_that_documents_its_notices_vouches_for_them(reporter, suppress):
    text = "550 ada@example.org... No such user"
    found = judge(text, status="5.0.0", reply_code=550, stage=None, remote_host="mx.example.org", reporter=reporter)
    assert found.suppress is suppress


def test_a_gateway_that_reports_does_not_make_a_full_mailbox_a_dead_one():
    text = "552 Mailbox is full"
    found = judge(text, status="5.0.0", reply_code=552, stage=None, reporter="server-7.bemta-3.messagelabs.com")
    assert (found.reason, found.suppress) == ("mailboxfull", False)


@pytest.mark.parametrize(
    ("text", "code", "stage", "suppress"),
    [
        ("5.7.1 <ada@example.org>: Recipient address rejected: Access denied", 554, "rcpt", True),
        ("5.7.1 <ada@example.org>: Recipient address rejected: Access denied", 454, "rcpt", False),
        ("5.7.1 <ada@example.org>: Recipient address rejected: Access denied", 554, "data", False),
        ("5.7.1 <news@example.com>: Sender address rejected: Access denied", 554, "rcpt", False),
        ("5.7.1 <mx.example.com[192.0.2.1]>: Client host rejected: Access denied", 554, "rcpt", False),
        ("5.7.1 Access denied", 554, "rcpt", False),
    ],
)
def test_only_the_refusal_of_the_address_itself_condemns_it(text, code, stage, suppress):
    assert classify_reply(code, text, stage=stage).suppress is suppress


@pytest.mark.parametrize(
    ("text", "status", "code", "stage", "evidence"),
    [
        ("550 5.1.1 user unknown", "5.1.1", 550, None, "words: user unknown"),
        ("550 Hm", "5.1.1", 550, None, "code: 5.1.1"),
        ("421 4.7.28 gsmtp", "4.7.28", 421, "rcpt", "google.com: 4.7.28"),
        ("550 user unknown", "", 550, "final", "words: user unknown; nothing else bears it out"),
        ("550 Go away", "", 550, "mail", "words that are not known; said at mail"),
        ("", "", None, None, "no words and no telling code"),
    ],
)
def test_every_verdict_names_what_it_was_taken_from(text, status, code, stage, evidence):
    assert judge(text, status=status, reply_code=code, stage=stage).evidence == evidence
