"""Mail that reports nothing: answers by programs and people, challenges, lists, and our own mail come back."""

import pytest

from app.mail.reading import read_mail
from tests.mail.letters import TOKEN, letter

ANSWER = f"From: Ada Lovelace <ada@example.org>\nTo: hello@example.com\nIn-Reply-To: <{TOKEN}@mail.example.com>\n"


def kind_of(head: str, body: str = "Hello.\n") -> str:
    return read_mail(letter(f"{head}\n{body}")).kind


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "Automatic reply: digest",
            "Automatische Antwort: Digest",
            "Réponse automatique : digest",
            "Autosvar: digest",
        ),
        *("Respuesta automática: digest", "Resposta automática: digest", "Risposta automatica: digest"),
        *("Automatisch antwoord: digest", "Automatyczna odpowiedź: digest", "Automatická odpověď: digest"),
        *("Автоматический ответ: digest", "自动回复: digest", "自動応答: digest", "자동 회신: digest"),
        *("Otomatik yanıt: digest", "Automatikus válasz: digest", "Automaattinen vastaus: digest"),
        *("Răspuns automat: digest", "Автоматичен отговор: digest", "Automatski odgovor: digest", "رد تلقائي: digest"),
        *("Αυτόματη απάντηση: digest", "תשובה אוטומטית: digest", "Trả lời tự động: digest", "स्वचालित उत्तर: digest"),
        *(
            "Im Urlaub",
            "En congés jusqu'au 3 mars",
            "De vacaciones",
            "Em férias",
            "In ferie",
            "Na urlopie",
            "В отпуске",
        ),
    ],
)
def test_absence_is_known_by_its_subject_in_many_languages(subject):
    assert kind_of(f"From: ada@example.org\nSubject: {subject}\n") == "autoreply"


@pytest.mark.parametrize(
    "body",
    [
        *("I am currently out of the office until Monday.", "Hello,\n\nI'm on annual leave until 3 March."),
        *("Guten Tag,\n\nich bin bis Montag nicht im Büro.", "Bonjour,\nJe suis actuellement en congés."),
        *("Hola,\nEstoy de vacaciones.", "Olá,\nestarei de férias até segunda.", "Buongiorno,\nsono in ferie."),
        *("Thank you for your mail. This is an automatic reply.", "Ik ben tot maandag afwezig."),
    ],
)
def test_absence_is_known_by_its_first_words_in_an_answer(body):
    assert kind_of(f"{ANSWER}Subject: Re: Your weekly digest\n", f"{body}\n") == "autoreply"
    assert kind_of("From: ada@example.org\nSubject: A question\n", f"{body}\n") == "none"


@pytest.mark.parametrize(
    "body",
    [
        "Lovely issue! By the way, I am out of the office next week.",
        "When I am on vacation I read it twice.",
        "Thanks for the digest. Is it automatic?",
    ],
)
def test_people_may_speak_of_their_holidays(body):
    assert kind_of(f"{ANSWER}Subject: Re: Your weekly digest\n", f"{body}\n") == "reply"


def test_who_is_absent_is_named_and_keeps_the_subscription():
    mail = read_mail(letter("From: Ada <ada@example.org>\nAuto-Submitted: auto-replied\n\nAway.\n"))
    told = [(one.address, one.reason, one.persistence, one.suppress) for one in mail.recipients]
    assert told == [("ada@example.org", "vacation", "none", False)]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("X-Delivery-Agent: TMDA/1.1.12\nPrecedence: bulk\n", "To confirm, simply reply to this message."),
        ("From: Ada <ada.l@boxbe.com>\n", "Click to be let in: https://v.example/1"),
        (
            "Auto-Submitted: auto-replied\n",
            "Your message is held until you confirm it. Click https://verify.example/1 once, to join my approved list.",
        ),
        (
            "Auto-Submitted: auto-replied\n",
            "Before your message can be delivered, please prove that you are a human: https://verify.example/1",
        ),
        ("Auto-Submitted: auto-replied\n", "Bitte bestätigen Sie, dass Sie kein Roboter sind: https://v.example/1"),
        ("Auto-Submitted: auto-replied\n", "Cliquez ici, vous n'êtes pas un robot : https://v.example/1"),
        ("Auto-Submitted: auto-replied\n", "Haga clic si no es un robot: https://v.example/1"),
    ],
)
def test_challenges_are_told_from_absence(head, body):
    if "From:" not in head:
        head = f"From: ada@example.org\n{head}"
    assert kind_of(f"{head}Subject: Re: Your weekly digest\nIn-Reply-To: <1@mail.example.com>\n", body) == "challenge"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("X-Delivery-Agent: TMDA/1.1.12\n", "Could you confirm the date? See https://calendar.example/1"),
        ("From: Ada <ada@spamarrest.com>\n", "Lovely issue!"),
        ("", "I am not a robot!\n\nYou wrote: click https://mail.example.com/1 to confirm."),
    ],
)
def test_people_behind_such_services_still_write_themselves(head, body):
    head = head if "From:" in head else f"From: ada@example.org\n{head}"
    in_reply_to = f"In-Reply-To: <{TOKEN}@mail.example.com>\n"
    assert kind_of(f"{head}Subject: Re: Your weekly digest\n{in_reply_to}", body) == "reply"


def test_a_shop_that_asks_strangers_to_confirm_is_no_challenge():
    body = "Please verify your address before your mail can be delivered: https://shop.example/1 (you are human, yes?)"
    assert kind_of("From: shop@example.org\nSubject: Welcome\n", body) == "none"


@pytest.mark.parametrize(
    "header", ["List-Id: Readers <readers.example.org>", "List-Post: <mailto:readers@example.org>", "Precedence: list"]
)
def test_mail_that_a_list_distributed_is_the_lists(header):
    assert kind_of(f"From: grace@example.org\n{header}\nSubject: Minutes\n") == "list"


def test_an_answer_that_came_through_a_shared_mailbox_is_still_an_answer():
    assert kind_of(f"{ANSWER}List-Id: <hello.example.com>\nSubject: Re: Your weekly digest\n") == "reply"


def test_a_lists_robot_that_answers_us_is_no_person():
    assert kind_of(f"{ANSWER}List-Id: <a.example.org>\nX-List-Administrivia: yes\nSubject: Held\n") == "list"


def test_our_own_mail_come_back_is_neither_an_answer_nor_a_list():
    head = f"From: news@example.com\nX-Merpati-Message: {TOKEN}\nList-Id: <1.example.com>\nPrecedence: list\n"
    assert kind_of(f"{head}Subject: Your weekly digest\n") == "none"
