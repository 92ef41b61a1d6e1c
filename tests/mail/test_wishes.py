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
        "STOP",
        "stop.",
        "Please stop",
        "Please stop!!!",
        "Stop this now",
        "remove",
        "Remove, please.",
        "Remove me from your list please",
        "please take us off your list",
        "Get me off this list",
        "Bitte tragen Sie mich aus",
        "Bitte tragen Sie mich aus Ihrem Verteiler aus",
        "Bitte trag mich wieder aus, danke",
        "Bitte nehmen Sie mich aus Ihrem Verteiler",
        "Ich bitte Sie, mich aus Ihrer Mailingliste zu streichen.",
        "Kündigung Newsletter",
        "Kündigung des Newsletters",
        "Hiermit kündige ich den Newsletter.",
        "Newsletter kündigen bitte",
        "Merci de me retirer de votre liste",
        "Veuillez me supprimer de la liste de diffusion",
        "Arrêtez de m'envoyer vos publicités",
        "Retirez-moi svp",
        "BAJA",
        "Baja, por favor",
        "Quítenme de su lista",
        "Dejen de enviarme correos",
        "Non desidero ricevere altre comunicazioni",
        "Rimuovere, grazie",
        "Haal mij van de lijst",
        "Removam-me da lista",
        "Não desejo receber mais nada",
        "Proszę o usunięcie mojego adresu",
        "СТОП",
        "Прекратите рассылку",
        "Berhenti",
        "Artık mail almak istemiyorum",
        "停止",
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
        "How do I stop the delivery of order 5?",
        "How do we stop sending mails twice with your tool?",
        "Stop?",
        "Where does the bus stop?",
        "Stop by on Friday, please",
        "Please stop by",
        "non-stop fun, thanks",
        "Should I remove the old cable first?",
        "I don't want to miss the next one",
        "Der Artikel aus Ihrem Newsletter war schön",
        "Tragen Sie mich bitte für Samstag ein",
        "Wie lange ist die Frist bei einer Kündigung?",
        "Die Kündigung meines Kollegen tat mir leid",
        "Je dois me retirer de la course cette année",
        "Merci de me répondre",
        "Peux-tu retirer le colis ?",
        "Cancel or keep, what would you do?",
        "He stopped, and so did I",
        "Please remove the typo in line two",
        "Das Abo gefällt mir",
        "¿Cuándo baja el precio?",
        "Baja calidad de imagen esta vez",
        "Alto!",
        "Take me there!",
        "Können Sie mich am Samstag mitnehmen?",
        "Can you take me off-road next time you write about bikes?",
        "I met somebody who unsubscribed " + "and told me a long story about it " * 20,
    ],
)
def test_no_wish(words: str) -> None:
    assert leaving_wish(words) == ""


@given(st.sampled_from(["STOP", "remove", "Kündigung Newsletter"]), st.text(alphabet="abcxyz ?", max_size=60))
def test_a_command_below_in_the_quote_is_nobodys(command: str, words: str) -> None:
    reply = f"{words}\n\nOn Mon, 2 Mar 2026, Aviary News wrote:\n> {command}\n"
    assert leaving_wish(own_part(reply)) == leaving_wish(words.strip())


@given(st.text(alphabet="bdghjkq", min_size=1, max_size=9), st.integers(5, 12))
def test_a_command_among_many_other_words_is_none(word: str, times: int) -> None:
    assert leaving_wish(" ".join([word] * times + ["stop"] + [word] * times)) == ""


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
