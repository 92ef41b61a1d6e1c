"""Verdicts on replies and diagnoses. The sentences are ours, in the manner of the servers named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.classify import classify_reply, judge
from app.mail.reasons import OF_US, REASONS

AT_RCPT = [
    (550, "5.1.1 <ada@example.org>: Recipient address rejected: User unknown in local recipient table", "userunknown"),
    (550, "No such user here", "userunknown"),
    (550, "5.1.1 The email account that you tried to reach does not exist", "userunknown"),
    (550, "Requested action not taken: mailbox unavailable, no mailbox here by that name", "userunknown"),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "userunknown"),
    (551, "5.1.6 The recipient has moved, please use her new address", "hasmoved"),
    (550, "5.1.2 Domain example.org does not exist", "hostunknown"),
    (550, "Unknown recipient domain example.org", "hostunknown"),
    (550, "5.1.1 User unknown; remote system mx.example.org", "userunknown"),
    (550, "5.1.1 Host mx.example.org says: user unknown", "userunknown"),
    (550, "5.1.6 Recipient no longer on server", "hasmoved"),
    (550, "5.1.1 <ada@example.org> 550-5.1.1 There is no such 550 5.1.1 user here", "userunknown"),
    (550, "5.0.0 Requested action not taken: the mail exchanger or IP address was not found", "notaccept"),
    (556, "5.1.10 The recipient domain has a null MX", "notaccept"),
    (552, "5.2.2 The mailbox is over quota", "mailboxfull"),
    (452, "4.2.2 Mailbox full", "mailboxfull"),
    (550, "5.2.1 This account has been disabled", "suspend"),
    (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "blocked"),
    (550, "5.7.1 Your IP address is on our blacklist, user ada@example.org not found", "blocked"),
    (554, "5.7.1 Service unavailable; Sender address [news@example.com] blocked using names.example.net", "blocked"),
    (550, "5.7.1 Mail from 192.0.2.25 is not taken: blocked using lists.example.net", "blocked"),
    (450, "4.7.25 Client host rejected: cannot find your reverse hostname", "requireptr"),
    (550, "5.7.26 Message rejected because the sender fails DMARC", "authfailure"),
    (554, "5.7.1 Relay access denied", "norelaying"),
    (421, "4.7.0 Too many connections from your host", "toomanyconn"),
    (450, "4.7.1 Greylisted, please try again later", "systemerror"),
    (451, "4.3.0 Temporary lookup failure", "networkerror"),
    (530, "5.7.0 Must issue a STARTTLS command first", "failedstarttls"),
    (550, "5.1.8 Sender address rejected: Domain not found", "rejected"),
    (550, "5.7.1 Message rejected due to local policy", "policyviolation"),
    (452, "4.3.1 Insufficient system storage", "systemfull"),
    (500, "5.5.1 Command not recognized", "syntaxerror"),
    (450, "4.2.1 The user you are trying to contact is receiving mail too quickly", "speeding"),
    (452, "4.5.3 Too many recipients", "toomanyconn"),
    (550, "5.7.1 Rejected, UBE", "spamdetected"),
    (550, "5.1.0 192.0.2.1 is not allowed to send from example.com per its SPF record", "authfailure"),
    (550, "Unauthenticated senders not allowed", "securityerror"),
    (550, "5.7.1 Delivery not authorized, message refused", "securityerror"),
    (554, "Mail from news@example.com rejected for policy reasons", "policyviolation"),
    (550, "You are not a member of this list", "rejected"),
    (554, "5.7.1 <ada@example.org>: Recipient address rejected: Access denied", "userunknown"),
    (552, "5.2.3 Message size exceeds the limit", "exceedlimit"),
    (550, "5.7.1 Messages with multiple 550 5.7.1 addresses in From: header are not accepted", "notcompliantrfc"),
    (550, "Go away", "onhold"),
    (550, "", "undefined"),
    (550, "5.1.1", "userunknown"),
    (554, "5.7.1", "onhold"),
]


@pytest.mark.parametrize(("code", "text", "reason"), AT_RCPT)
def test_words_tell_the_reason(code, text, reason):
    assert classify_reply(code, text, stage="rcpt").reason == reason


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (552, "5.3.4 Message size exceeds fixed limit", "mesgtoobig"),
        (554, "5.7.1 This message looks like spam", "spamdetected"),
        (550, "5.7.1 The message contains a virus: Eicar-Test", "virusdetected"),
        (550, "5.6.0 Duplicate header: From. See RFC 5322", "notcompliantrfc"),
        (552, "", "mesgtoobig"),
        (550, "5.1.1 User unknown", "filtered"),
    ],
)
def test_after_the_dot_a_refusal_is_about_what_was_read(code, text, reason):
    assert classify_reply(code, text, stage="final").reason == reason


def test_only_an_address_dead_for_good_is_suppressed():
    dead = {reason for code, text, reason in AT_RCPT if classify_reply(code, text, stage="rcpt").suppress}
    assert dead == {"userunknown", "hasmoved", "hostunknown", "notaccept"}


@pytest.mark.parametrize(
    ("code", "text"), [(450, "4.1.1 User unknown"), (450, "5.1.1 User unknown"), (550, "4.1.1 User unknown")]
)
def test_unknown_for_now_is_not_unknown_for_good(code, text):
    verdict = classify_reply(code, text, stage="rcpt")
    assert (verdict.persistence, verdict.suppress, verdict.effect) == ("temporary", False, "score")


@pytest.mark.parametrize(("text", "suppress"), [("5.1.1 User unknown", True), ("5.7.1 User unknown", False)])
def test_words_that_a_security_code_contradicts_do_not_suppress(text, suppress):
    assert classify_reply(550, text, stage="rcpt").suppress is suppress


WORDS = ["550 5.1.1 user unknown", "mailbox full", "spam", "blocked", "5.1.2", "521 does not accept mail", "moved", "!"]


@given(
    st.integers(400, 599),
    st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS)).map(" ".join)),
    st.sampled_from(["connect", "ehlo", "mail", "data", "final"]),
)
def test_no_reply_outside_of_rcpt_condemns_an_address(code, text, stage):
    verdict = classify_reply(code, text, stage=stage)
    assert not verdict.suppress
    if stage in ("ehlo", "mail"):
        assert verdict.scope not in ("address", "domain")


@given(
    st.integers(200, 599), st.text(max_size=200), st.sampled_from(["connect", "ehlo", "mail", "rcpt", "data", "final"])
)
def test_any_reply_gets_a_word_of_the_vocabulary(code, text, stage):
    verdict = classify_reply(code, text, stage=stage, remote_host=text[:40])
    assert REASONS[verdict.reason].scope == verdict.scope


@pytest.mark.parametrize(
    ("host", "code", "text", "reason"),
    [
        ("gmail-smtp-in.l.google.com", 421, "4.7.28 Our system has detected something", "speeding"),
        (
            "gmail-smtp-in.l.google.com",
            550,
            "5.2.1 The person is receiving mail at a rate that prevents more",
            "speeding",
        ),
        ("gmail-smtp-in.l.google.com", 550, "5.2.1 The account is disabled", "suspend"),
        ("gmail-smtp-in.l.google.com", 550, "5.7.40 No record", "authfailure"),
        ("example-org.mail.protection.outlook.com", 550, "5.7.515 Access denied", "authfailure"),
        (
            "example-org.mail.protection.outlook.com",
            550,
            "5.4.1 Recipient address rejected: Access denied",
            "userunknown",
        ),
        ("mx.olc.protection.outlook.com", 421, "RP-001 Please slow down", "speeding"),
        ("mx.olc.protection.outlook.com", 550, "SC-001 Unfortunately, it was not accepted", "blocked"),
        ("mta5.am0.yahoodns.net", 421, "4.7.0 [TSS04] Messages temporarily deferred", "badreputation"),
        ("mta5.am0.yahoodns.net", 553, "5.7.1 [BL21] Connections not accepted", "blocked"),
        ("notgoogle.com", 421, "4.7.28 Hm", "speeding"),
        ("notgoogle.com", 550, "5.7.40 Hm", "onhold"),
    ],
)
def test_providers_codes_mean_what_the_providers_say(host, code, text, reason):
    assert classify_reply(code, text, stage="rcpt", remote_host=host).reason == reason


@pytest.mark.parametrize("stage", ["connect", "mail"])
def test_a_refusal_before_rcpt_that_says_nothing_is_of_the_sender(stage):
    assert classify_reply(550, "Access denied", stage=stage).scope == "sender-reputation"


@pytest.mark.parametrize(
    ("text", "status", "stage", "notes", "suppress"),
    [
        ("550 5.1.1 user unknown", "5.1.1", None, "", True),
        ("550 user unknown", "5.0.0", "rcpt", "", True),
        ("550 user unknown", "5.0.0", None, "", False),
        ("550 5.2.1 user unknown", "5.2.1", None, "", False),
        ("user unknown", "", None, "", False),
        ("The recipient name is not recognized. Unknown recipient", "", None, "", True),
        ("", "5.0.0", None, "mail.local: unknown user: ada", True),
        ("Unrouteable address", "", None, "", True),
    ],
)
def test_the_words_user_unknown_must_be_borne_out(text, status, stage, notes, suppress):
    code = 550 if "550" in text else None
    verdict = judge(text, status=status, reply_code=code, stage=stage, notes=notes, gave_up=True)
    assert verdict.suppress is suppress


@pytest.mark.parametrize(
    ("host", "suppress"), [("mta6.am0.yahoodns.net", True), ("mx.example.org", False), ("notyahoodns.net", False)]
)
def test_yahoo_tells_after_the_dot_who_does_not_exist(host, suppress):
    text = "delivery error: dd This user doesn't have a yahoo.com account (ada@yahoo.com)"
    assert classify_reply(554, text, stage="final", remote_host=host).suppress is suppress


@pytest.mark.parametrize(
    ("host", "code", "text", "reason"),
    [
        ("mx.docomo.ne.jp", 550, "Unknown user ada@docomo.ne.jp", "filtered"),
        ("mx3.qq.com", 550, "Ip frequency limited", "speeding"),
        ("mx01.mail.icloud.com", 554, "5.7.1 [HM08] Message rejected", "policyviolation"),
        ("eu-smtp-inbound-1.mimecast.com", 550, "Rejected by header based anti-spoofing policy", "rejected"),
        ("gmail-smtp-in.l.google.com", 550, "5.2.1 The account that you tried to reach is disabled", "suspend"),
    ],
)
def test_other_providers_have_ways_of_their_own(host, code, text, reason):
    assert classify_reply(code, text, stage="rcpt", remote_host=host).reason == reason


def test_a_gateways_own_words_around_a_reply_do_not_count():
    text = "5.1.0 - Unknown address error 550-'5.7.1 Access from your network is blocked' (delivery attempts: 0)"
    assert judge(text, status="5.1.0", reply_code=550, stage=None).reason == "blocked"


def test_a_senders_fault_alerts_and_leaves_the_address_alone():
    verdict = classify_reply(550, "5.7.26 Unauthenticated mail is rejected", stage="final")
    assert (verdict.scope, verdict.effect, verdict.enhanced_status) == ("sender-auth", "alert", "5.7.26")


def test_the_vocabulary_is_the_whole_of_it():
    scored = {word for word, reason in REASONS.items() if reason.effect == "score"}
    assert scored == {"mailboxfull", "suspend", "filtered", "norelaying", "forwarded"}
    assert len(REASONS) == 36


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("5.7.1 Message rejected due to local policy", "policy"),
        ("5.7.1 Delivery is prohibited by the security policy of this organization", "policy"),
        ("5.7.1 This message looks like spam", "content"),
        ("5.6.0 Duplicate header: From. See RFC 5322", "content"),
    ],
)
def test_a_receivers_policy_is_apart_from_what_the_message_says(text: str, scope: str) -> None:
    verdict = classify_reply(550, text, stage="final")
    assert (verdict.scope, verdict.effect, verdict.suppress) == (scope, "alert", False)


def test_scopes_that_speak_of_us_never_suppress_or_score() -> None:
    assert {word.scope for word in REASONS.values() if word.effect == "alert"} >= OF_US
    assert all(word.effect in ("alert", "slow") for word in REASONS.values() if word.scope in OF_US)
