"""Addresses: one spelling, one key, a reason for each refusal."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.accounts.models import Workspace
from app.audience.addresses import MAX_ADDRESS, Address, address_hash, mask, normalise
from app.core.database import db
from app.core.errors import Invalid

ATOMS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"
LABELS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)
LOCALS = st.lists(st.text(ATOMS, min_size=1, max_size=12), min_size=1, max_size=4).map(".".join)
DOMAINS = st.tuples(
    st.lists(LABELS, min_size=1, max_size=3), st.sampled_from(["com", "test", "Example", "xn--p1ai"])
).map(lambda parts: ".".join([*parts[0], parts[1]]))


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann@Example.COM \n", "Ann@Example.COM"),
        ("Ann Lee <ann@example.com>", "ann@example.com"),
        ('"Lee, Ann" <ann@example.com>', "ann@example.com"),
        ("mailto:ann%2Bnews@example.com?subject=Hi", "ann+news@example.com"),
        ("\ufeffann@example.com\u00a0", "ann@example.com"),
        ("ann@example.com;", "ann@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@example.com.", "ann@example.com"),
        ("ann＠example.com", "ann@example.com"),
        ('"ann lee"@example.com', '"ann lee"@example.com'),
        ("o'hara+x=1@sub.mail.test", "o'hara+x=1@sub.mail.test"),
    ],
)
def test_an_address_is_found_in_what_people_write(text: str, email: str) -> None:
    assert normalise(text) == Address(email, email.lower())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ann", "no @"),
        ("@example.com", "nothing before"),
        ("ann@", "nothing after"),
        ("ann@example", "no dot"),
        ("ann@@example.com", "more than one @"),
        ("ann@example.com, bob@example.com", "more than one @"),
        ("ann lee@example.com", "space before"),
        ("ann@exam ple.com", "space after"),
        (".ann@example.com", "a dot too many before"),
        ("ann..lee@example.com", "a dot too many before"),
        ("ann@example..com", "a dot too many after"),
        ("ann(lee)@example.com", "not allowed there"),
        ("änn@example.com", "not ASCII"),
        ("ann@[192.0.2.1]", "by its number"),
        ("ann@192.0.2.1", "ends in a number"),
        ("ann@exa_mple.com", "not allowed"),
        ("ann@-example.com", "not allowed"),
        ("ann@" + "ü" * 80 + ".example", "cannot exist"),
        ("a" * 65 + "@example.com", "64 characters before"),
        ("ann@" + ".".join(["a" * 60] * 4) + ".example", "longer than 254"),
        ("ann@\ud800.example", "cannot exist"),
    ],
)
def test_a_refusal_says_why(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        normalise(text)


@given(LOCALS, DOMAINS)
def test_every_plain_address_is_taken_as_it_is(local: str, domain: str) -> None:
    email = f"{local}@{domain}"
    if len(local) > 64 or len(email) > MAX_ADDRESS:
        with pytest.raises(Invalid):
            normalise(email)
    else:
        assert normalise(email) == Address(email, email.lower())


@given(st.text(max_size=80) | st.tuples(st.text(max_size=20), st.text(max_size=30)).map("@".join))
def test_whatever_comes_is_an_address_or_a_reason(text: str) -> None:
    found = address_or_reason(text)
    if isinstance(found, str):
        assert found.startswith("The address ")
    else:
        assert normalise(found.email) == found
        assert found.address.isascii()
        assert found.address == found.address.lower()
        assert "@" in found.address
        assert len(found.email) <= MAX_ADDRESS


def address_or_reason(text: str) -> Address | str:
    try:
        return normalise(text)
    except Invalid as error:
        return str(error)


def test_the_mask_hides_the_name() -> None:
    assert mask("ann.lee@example.com") == "a…@example.com"


def test_the_database_makes_the_same_hash(scope: Workspace) -> None:
    address = normalise("Ann@bücher.example").address
    found = db.session.scalar(
        text("SELECT sha256(address_key || convert_to(:address, 'UTF8')) FROM workspaces WHERE id = :id"),
        {"address": address, "id": scope.id},
    )
    assert bytes(found) == address_hash(scope.address_key, address)
    assert bytes(found) == hashlib.sha256(scope.address_key + address.encode()).digest()
