"""What a receiver that checks DKIM makes of our mail."""

import re
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.core import clock
from app.core.errors import Invalid
from app.mail.dkim import Signer, record_name, sign
from app.mail.qp import quoted_printable
from app.mail.simple import compose_simple
from app.mail.wire import Sender
from tests.mail.test_frame import SUNDAY, frame, wire
from tests.mail.verifier import RSA, dkimpy_knows_ed25519, ed25519_signer, signer, verifies

__all__ = ["dkimpy_knows_ed25519"]

BOTH = [signer(), ed25519_signer()]
PLAIN = wire().data
TEXT = st.text(max_size=120) | st.text(st.sampled_from("a. \t\n=-ü李"), max_size=300)
LONG = st.lists(st.sampled_from(["Nachrichten", "  ", "für", "=?utf-8?q?x?=", "李", "a" * 70, "😀"]), max_size=30).map(
    " ".join
)
PRINTED = range(33, 127)


def tags(data: bytes) -> dict[str, str]:
    """The topmost signature's tags."""
    value = re.split(rb"\r\n(?![ \t])", data, maxsplit=1)[0].decode().partition(":")[2]
    pairs = (tag.partition("=") for tag in value.replace("\r\n", "").split(";"))
    return {name.strip(): text.replace(" ", "") for name, _, text in pairs}


def assert_well_formed(data: bytes, original: bytes) -> None:
    assert data.endswith(original)
    added = data.removesuffix(original)
    assert added.startswith(b"DKIM-Signature: v=1; ")
    assert added.endswith(b"\r\n")
    lines = added.split(b"\r\n")[:-1]
    assert max(map(len, lines)) <= 78
    assert all(line.strip() and (line[:1] == b" " or line.startswith(b"DKIM-Signature: ")) for line in lines)


@settings(max_examples=60, deadline=None)
@given(TEXT, TEXT | LONG, TEXT, TEXT, st.sampled_from(["relaxed/relaxed", "relaxed/simple"]))
def test_any_mail_of_a_campaign_verifies(name, subject, text, html, canonicalization):
    sender = Sender(name, "news@example.com", "hello@example.com")
    mail = wire(
        frame(sender, list_name=name or "Weekly"),
        to_name=name,
        subject=subject,
        text_qp=quoted_printable(text),
        html_qp=quoted_printable(html),
    ).data
    signers = [
        signer(canonicalization=canonicalization),
        ed25519_signer("mail.example.net", canonicalization=canonicalization),
    ]
    signed = sign(mail, signers)
    assert_well_formed(signed, mail)
    assert verifies(signed, 0)
    assert verifies(signed, 1)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"\xff"])).map(b"".join))
def test_any_body_verifies(body):
    # dkimpy takes a bare LF for a line end, which no mail of ours has.
    mail = b"From: news@example.com\r\n\r\n" + re.sub(rb"\r?\n|\r", b"\r\n", body) + b"\r\n"
    signed = sign(mail, [*BOTH, signer(canonicalization="relaxed/simple")])
    assert [verifies(signed, index) for index in range(3)] == [True] * 3


def test_a_mail_of_the_system_verifies():
    mail = compose_simple(
        sender=Sender("Merpati", "system@example.com"),
        to_name="Ada",
        to_email="adä@example.org",
        subject="Confirm",
        text="Yes?\n\n\n",
        html="<p>Yes? </p>\n",
        date=SUNDAY,
        mail_domain="mail.example.com",
    ).data
    assert verifies(signer().sign(mail))


def test_the_signature_says_what_it_covers_and_when():
    with clock.moved(timedelta(minutes=5)):
        now = int(clock.now().timestamp())
        said = tags(signer("bücher.example", "m1.2026").sign(PLAIN))
    assert said.pop("b")
    assert len(said.pop("bh")) == 44
    assert 0 <= int(said.pop("t")) - now <= 2
    assert said == {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/relaxed",
        "d": "xn--bcher-kva.example",
        "s": "m1.2026",
        "h": "From:From:To:To:Subject:Subject:Date:Date:Message-ID:Reply-To:MIME-Version:Content-Type:"
        "List-Id:List-Unsubscribe:List-Unsubscribe-Post:Feedback-ID:Precedence",
    }
    said = tags(ed25519_signer(canonicalization="relaxed/simple").sign(b"From: a@example.com\r\n\r\n"))
    assert (said["a"], said["c"]) == ("ed25519-sha256", "relaxed/simple")
    assert said["h"] == "From:From:To:Subject:Date"


def test_feedback_loop_headers_are_signed():
    extra = {
        "CFBL-Address": "fbl@example.com; report=arf",
        "CFBL-Feedback-ID": "x1",
        "List-Help": "<https://example.com/>",
    }
    signed = sign(wire(frame(extra_headers=extra)).data, BOTH)
    assert {*extra} <= {*tags(signed)["h"].split(":")}
    assert verifies(signed)
    assert not verifies(signed.replace(b"report=arf", b"report=xarf"))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_other_character_in_a_signed_field_or_the_body_is_noticed(data):
    signed = sign(PLAIN, BOTH)
    at = data.draw(st.integers(signed.index(b"\r\nFrom: ") + 2, len(signed) - 1))
    line_start = signed.rindex(b"\r\n", 0, at + 1) + 2
    in_head = at < signed.index(b"\r\n\r\n")
    assume(signed[at] in PRINTED)
    assume(not in_head or not signed.startswith(b"X-", line_start))
    # A field's name may change its case.
    old = signed[at : at + 1]
    new = bytes([data.draw(st.sampled_from(PRINTED))])
    assume(new.lower() != old.lower() if in_head else new != old)
    changed = signed[:at] + new + signed[at + 1 :]
    assert not verifies(changed, 0)
    assert not verifies(changed, 1)


@pytest.mark.parametrize("tag", ["a", "c", "d", "s", "t", "h", "bh", "b"])
def test_the_signature_protects_its_own_tags(tag):
    signed = signer().sign(PLAIN)
    signer("example.net")
    signer(selector="m2")
    other = {"c": "relaxed/simple", "d": "example.net", "s": "m2", "t": "1", "a": "rsa-sha512"}
    old = re.search(rf"[; ]{tag}=([^;]+?)(?=;|\r\n[A-Z])".encode(), signed).group(1)
    new = other[tag].encode() if tag in other else old.replace(b"To:", b"", 1) if tag == "h" else b"AAAA" + old[4:]
    assert new != old
    assert verifies(signed)
    assert not verifies(signed.replace(b"=" + old, b"=" + new, 1))


@pytest.mark.parametrize("name", ["From", "To", "Subject", "Date"])
@pytest.mark.parametrize("place", ["top", "before", "end"])
def test_nobody_can_add_another(name, place):
    signed = sign(PLAIN, BOTH)
    line = {"Date": b"Date: Mon, 02 Mar 2026 09:30:12 +0000\r\n"}.get(name, f"{name}: eve@example.com\r\n".encode())
    spot = {"top": 0, "before": signed.index(f"\r\n{name}: ".encode()) + 2, "end": signed.index(b"\r\n\r\n") + 2}[place]
    added = signed[:spot] + line + signed[spot:]
    assert not verifies(added, 0)
    assert not verifies(added, 1)


def test_what_is_oversigned_can_be_chosen():
    mail = PLAIN.replace(b"Reply-To: hello@example.com\r\n", b"")
    with_reply = b"Reply-To: eve@example.com\r\n"
    loose, strict = signer().sign(mail), signer(oversign=("From", "reply-to", "X-Campaign")).sign(mail)
    assert verifies(loose)
    assert verifies(strict)
    assert verifies(with_reply + loose)
    assert not verifies(with_reply + strict)
    assert not verifies(b"X-Campaign: 7\r\n" + strict)
    assert tags(strict)["h"].startswith("From:From:Reply-To:X-Campaign:To:Subject:")


def test_one_click_headers_cannot_be_taken_away():
    signed = signer().sign(PLAIN)
    line = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    assert line in signed
    assert not verifies(signed.replace(line, b""))


def test_a_relay_may_fold_anew_and_pad():
    signed = sign(PLAIN, [signer(), signer(canonicalization="relaxed/simple")])
    folded = signed.replace(b",\r\n <mailto", b", <mailto").replace(b"weekly digest", b"weekly\r\n\tdigest")
    folded = folded.replace(b"Subject: Your", b"SUBJECT:\tYour").replace(
        b"\r\nFrom: ", b"\r\nReceived: by mx\r\nFrom: "
    )
    assert folded != signed
    assert [verifies(folded, 0), verifies(folded, 1)] == [True, True]
    padded = folded.replace(b"Ada.\r\n", b"Ada. \t\r\n") + b"\r\n\r\n"
    assert [verifies(padded, 0), verifies(padded, 1)] == [True, False]


def test_signatures_stand_by_themselves():
    first, second = signer(), ed25519_signer("fbl.example.net")
    both = sign(PLAIN, [first, second])
    assert tags(both)["d"] == "example.com"
    at = both.index(b"DKIM-Signature", 1)
    assert tags(both[at:])["d"] == "fbl.example.net"
    assert verifies(both[at:])
    assert verifies(both[:at] + PLAIN)
    assert sign(PLAIN, []) == PLAIN
    assert [verifies(second.sign(first.sign(PLAIN)), index) for index in (0, 1)] == [True, True]


def test_a_field_that_may_be_repeated_is_signed_each_time():
    mail = PLAIN.replace(
        b"\r\nPrecedence", b"\r\nCFBL-Address: a@example.com\r\nCFBL-Address: b@example.com\r\nPrecedence"
    )
    signed = signer().sign(mail)
    assert tags(signed)["h"].count("CFBL-Address") == 2
    assert verifies(signed)
    assert not verifies(signed.replace(b"a@example.com", b"c@example.com"))
    assert not verifies(signed.replace(b"b@example.com", b"c@example.com"))


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (b"", "no From"),
        (b"To: ada@example.org\r\n\r\nFrom: news@example.com\r\n", "no From"),
        (b"To: ada@example.org\nFrom: news@example.com\n\nHello\n", "no From"),
        (b"FROM: eve@example.com\r\n" + PLAIN, "more than one from"),
        (b"Subject: Other\r\n" + PLAIN, "more than one subject"),
        (b"Content-Type: text/html\r\n" + PLAIN, "more than one content-type"),
    ],
)
def test_a_broken_mail_is_not_signed(mail, reason):
    with pytest.raises(Invalid, match=reason):
        signer().sign(mail)


@pytest.mark.parametrize(
    "selector", ["", "a b", "-a", "a-", "a..b", "a;d=example.net", "ü", "a" * 64, ".".join(["a" * 60] * 4)]
)
def test_selectors_that_dns_cannot_hold_are_refused(selector):
    with pytest.raises(Invalid, match="selector"):
        record_name("example.com", selector)


def test_domains_and_names_that_a_tag_cannot_hold_are_refused():
    with pytest.raises(Invalid, match="domain"):
        Signer("example.com; l=0", "m1", RSA)
    for name in ("", "Sub ject", "Subject:", "Subject;l=0", "Betreff für"):
        with pytest.raises(Invalid, match="header field"):
            Signer("example.com", "m1", RSA, oversign=(name,))


def test_the_record_stands_where_verifiers_look():
    assert record_name("Bücher.example", "m1") == "m1._domainkey.xn--bcher-kva.example"
    assert signer("example.com", "m1").record_name == "m1._domainkey.example.com"


def test_long_domains_and_many_names_fold():
    long = signer(".".join(["a" * 60] * 3) + ".example", "m1", oversign=[f"X-Name-{number}" for number in range(40)])
    signed = long.sign(PLAIN)
    lines = signed.removesuffix(PLAIN).split(b"\r\n")
    assert [line for line in lines if len(line) > 78] == [f" d={'.'.join(['a' * 60] * 3)}.example;".encode()]
    assert verifies(signed)
