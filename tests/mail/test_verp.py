"""Return addresses, as they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.tokens import Keyring, Purpose
from app.mail.verp import ReturnAddress, read_return_address, return_address, unsubscribe_address

KEYRING = Keyring("0123456789abcdef0123456789abcdef")


@given(st.integers(0, 2**48 - 1), st.booleans())
def test_a_return_address_is_read_in_any_case(number, upper):
    token = KEYRING.sign_for_mail(Purpose.RETURN_PATH, number)
    address = return_address(token, "bounce.example.com")
    found = read_return_address(address.upper() if upper else address)
    assert found == ReturnAddress("bounce", token)
    assert KEYRING.read_from_mail(Purpose.RETURN_PATH, found.token) == number


TOKEN = "abcdefghijklmnopqrstuvwx23"


@pytest.mark.parametrize(
    "address",
    [
        f"b+{TOKEN}@bounce.example.com",
        f"<b+{TOKEN}@bounce.example.com>",
        f" <B+{TOKEN.upper()}@BOUNCE.EXAMPLE.COM> (returned)",
        f"b={TOKEN}@bounce.example.com",
        f"rfc822; b+{TOKEN}@bounce.example.com",
        f'"Bounces" <b+{TOKEN}@bounce.example.com>;',
        f"SRS0=HHH=TT=bounce.example.com=b+{TOKEN}@forwarder.example",
        f"prvs=123456789a=b+{TOKEN}@bounce.example.com",
    ],
)
def test_what_mail_systems_do_to_addresses_is_undone(address):
    assert read_return_address(address) == ReturnAddress("bounce", TOKEN)


def test_a_wish_to_leave_is_told_from_a_bounce():
    assert read_return_address(unsubscribe_address(TOKEN, "bounce.example.com")) == ReturnAddress("unsubscribe", TOKEN)


@pytest.mark.parametrize(
    "address",
    ["", "ada@example.org", f"b+{TOKEN}x@example.com", f"b+{TOKEN[:-1]}@example.com", f"bob+{TOKEN}@example.com"],
)
def test_other_addresses_are_none_of_ours(address):
    assert read_return_address(address) is None
