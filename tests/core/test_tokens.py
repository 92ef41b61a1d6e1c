"""Tokens: what we signed is read back, anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadToken, SettingsError
from app.core.tokens import Keyring, Purpose

OURS = Keyring("the first secret key of this installation")
THEIRS = Keyring("the secret key of another installation!!")
ROTATED = Keyring("the second secret key of this installation", ["the first secret key of this installation"])

purposes = st.sampled_from([word for name, word in vars(Purpose).items() if name.isupper()])
numbers = st.integers(0, 2**48 - 1)
base64_characters = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. é")
base32_characters = st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789=+-ſı")


@given(purposes, numbers)
def test_a_number_comes_back(purpose: bytes, number: int) -> None:
    token = OURS.sign(purpose, number)
    assert len(token) == 22
    assert OURS.read(purpose, token) == number


@given(purposes, numbers)
def test_a_number_comes_back_from_mail_in_any_case(purpose: bytes, number: int) -> None:
    token = OURS.sign_for_mail(purpose, number)
    assert len(token) == 26
    assert token == token.lower()
    assert OURS.read_from_mail(purpose, token) == number
    assert OURS.read_from_mail(purpose, token.upper()) == number


@given(purposes, st.binary(max_size=300))
def test_a_payload_comes_back(purpose: bytes, payload: bytes) -> None:
    assert OURS.unseal(purpose, OURS.seal(purpose, payload)) == payload


@given(numbers, st.integers(0, 21), base64_characters)
def test_any_changed_character_is_refused(number: int, place: int, character: str) -> None:
    token = OURS.sign(Purpose.MESSAGE, number)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(BadToken):
            OURS.read(Purpose.MESSAGE, changed)


@given(numbers, st.integers(0, 25), base32_characters)
def test_any_changed_character_of_a_mail_token_is_refused(number: int, place: int, character: str) -> None:
    token = OURS.sign_for_mail(Purpose.RETURN_PATH, number)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(BadToken):
            OURS.read_from_mail(Purpose.RETURN_PATH, changed)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_changed_character_of_a_seal_is_refused(payload: bytes, data: st.DataObject) -> None:
    text = OURS.seal(Purpose.LINK, payload)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(base64_characters) + text[place + 1 :]
    if changed != text:
        with pytest.raises(BadToken):
            OURS.unseal(Purpose.LINK, changed)


@given(numbers, st.integers(0, 21))
def test_a_cut_token_is_refused(number: int, length: int) -> None:
    with pytest.raises(BadToken):
        OURS.read(Purpose.MESSAGE, OURS.sign(Purpose.MESSAGE, number)[:length])
    with pytest.raises(BadToken):
        OURS.read_from_mail(Purpose.MESSAGE, OURS.sign_for_mail(Purpose.MESSAGE, number)[:length])


@given(numbers, st.text(min_size=1, max_size=4))
def test_a_lengthened_token_is_refused(number: int, more: str) -> None:
    with pytest.raises(BadToken):
        OURS.read(Purpose.MESSAGE, OURS.sign(Purpose.MESSAGE, number) + more)
    with pytest.raises(BadToken):
        OURS.read_from_mail(Purpose.MESSAGE, OURS.sign_for_mail(Purpose.MESSAGE, number) + more)


@given(st.text(max_size=60))
def test_any_text_at_all_is_refused_and_never_breaks(text: str) -> None:
    for read in (OURS.read, OURS.read_from_mail, OURS.unseal):
        with pytest.raises(BadToken):
            read(Purpose.MESSAGE, text)


@given(purposes, purposes, numbers)
def test_a_token_is_worthless_for_another_purpose(purpose: bytes, other: bytes, number: int) -> None:
    if purpose != other:
        with pytest.raises(BadToken):
            OURS.read(other, OURS.sign(purpose, number))
        with pytest.raises(BadToken):
            OURS.unseal(other, OURS.seal(purpose, b"a payload"))


@given(purposes, numbers)
def test_a_token_of_another_installation_is_refused(purpose: bytes, number: int) -> None:
    with pytest.raises(BadToken):
        OURS.read(purpose, THEIRS.sign(purpose, number))
    with pytest.raises(BadToken):
        OURS.unseal(purpose, THEIRS.seal(purpose, b"a payload"))


@given(purposes, numbers)
def test_after_a_rotation_old_tokens_are_read_and_new_ones_made_with_the_new_key(purpose: bytes, number: int) -> None:
    assert ROTATED.read(purpose, OURS.sign(purpose, number)) == number
    assert ROTATED.read_from_mail(purpose, OURS.sign_for_mail(purpose, number)) == number
    assert ROTATED.unseal(purpose, OURS.seal(purpose, b"a payload")) == b"a payload"
    with pytest.raises(BadToken):
        OURS.read(purpose, ROTATED.sign(purpose, number))


def test_the_words_of_purposes_differ() -> None:
    words = [word for name, word in vars(Purpose).items() if name.isupper()]
    assert len(set(words)) == len(words) >= 6


def test_a_number_that_does_not_fit_is_not_signed() -> None:
    with pytest.raises(OverflowError):
        OURS.sign(Purpose.MESSAGE, 2**48)


def test_a_short_secret_is_refused_with_the_way_to_make_one() -> None:
    with pytest.raises(SettingsError, match=r"9 characters; it needs 32 or more.*token_urlsafe") as refused:
        Keyring("too short")
    assert "too short" not in str(refused.value)
