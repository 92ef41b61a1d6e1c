"""Which short replies look like a wish to leave, in several languages, and which do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.letter import letter_text, own_part
from app.mail.wishes import LONGEST, leaving_wish


@pytest.mark.parametrize(
    "words",
    [
        "unsubscribe",
        "UNSUBSCRIBE ME NOW",
        "Please remove me from your list",
        "Stop sending me this",
        "I don't want to get these mails any more",
        "Take me off please. Thanks, Bob",
        "Bitte abmelden!",
        "Bitte keine weiteren E-Mails mehr",
        "Löschen Sie meine Daten",
        "Merci de me désabonner",
        "Por favor, denme de baja",
        "Cancellatemi dalla lista",
        "Graag uitschrijven",
        "Não quero mais receber",
        "Proszę mnie wypisać",
        "Отпишите меня",
        "Tolong berhenti berlangganan",
        "退订",
        "配信停止をお願いします",
    ],
)
def test_a_wish(words: str) -> None:
    assert leaving_wish(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Thank you, lovely as ever!",
        "Please do not unsubscribe me, I changed my address.",
        "Can you remove the broken link in the second story?",
        "Where can I stop by for a visit?",
        "Danke, bis bald",
        "I met somebody who unsubscribed " + "and told me a long story about it " * 20,
    ],
)
def test_no_wish(words: str) -> None:
    assert leaving_wish(words) == ""


def test_only_the_person_s_own_words_count() -> None:
    reply = "Great issue!\n\nOn Mon, 2 Mar 2026, Aviary News wrote:\n> Unsubscribe here\n> remove me\n"
    assert own_part(reply) == "Great issue!"
    assert leaving_wish(own_part(reply)) == ""


@given(st.binary(max_size=2000))
def test_any_bytes_have_a_text(raw: bytes) -> None:
    text = letter_text(raw)
    assert "\0" not in text
    assert len(leaving_wish(own_part(text))) <= LONGEST


def test_html_loses_its_markup() -> None:
    raw = (
        b"Content-Type: text/html\r\n\r\n<p>Please <b>remove</b> me<script>alert(1)</script><img src=http://x.test></p>"
    )
    assert letter_text(raw) == "Please remove me"
