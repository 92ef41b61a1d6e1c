"""Wordings that providers and servers publish, and that say more, or less, than their codes."""

import pytest

from app.mail.classify import classify_reply, judge

OUTLOOK = "example-com.mail.protection.outlook.com"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Postfach ada@example.org unbekannt", "userunknown"),
        ("Benutzer existiert nicht", "userunknown"),
        ("Utilisateur inconnu", "userunknown"),
        ("Cette boîte n'existe pas", "userunknown"),
        ("Destinatario desconocido", "userunknown"),
        ("Usuário inexistente", "userunknown"),
        ("Utente sconosciuto", "userunknown"),
        ("Gebruiker niet gevonden", "userunknown"),
        ("Użytkownik nie istnieje", "userunknown"),
        ("Нет такого пользователя", "userunknown"),
        ("Das Postfach ist voll", "mailboxfull"),
        ("Boîte aux lettres pleine", "mailboxfull"),
        ("Buzón lleno", "mailboxfull"),
        ("Casella di posta piena", "mailboxfull"),
        ("Почтовый ящик переполнен", "mailboxfull"),
    ],
)
def test_servers_that_answer_in_their_own_language(text: str, reason: str) -> None:
    assert classify_reply(550, text, stage="rcpt").reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "Absender unbekannt, Empfänger nicht gefunden",
        "Expéditeur inconnu",
        "Remitente desconocido",
        "Отправитель неизвестен",
    ],
)
def test_whatever_mentions_the_sender_condemns_nobody(text: str) -> None:
    verdict = classify_reply(550, text, stage="rcpt")
    assert (verdict.reason, verdict.suppress) == ("rejected", False)


def test_own_languages_need_bearing_out_as_english_does() -> None:
    assert not judge("Utilisateur inconnu", status="", reply_code=550, stage=None).suppress
    assert not classify_reply(550, "Utilisateur inconnu", stage="final").suppress


@pytest.mark.parametrize(
    ("code", "stage", "reason"),
    [
        (550, "rcpt", "filtered"),
        (550, None, "filtered"),
        (450, "rcpt", "systemerror"),
        (550, "final", "systemerror"),
    ],
)
def test_mailbox_unavailable_for_good_speaks_of_the_mailbox_and_is_not_proof(code, stage, reason) -> None:
    verdict = judge("Requested action not taken: mailbox unavailable", status="", reply_code=code, stage=stage)
    assert (verdict.reason, verdict.suppress) == (reason, False)


def test_a_provider_that_says_no_such_user_under_a_security_code() -> None:
    text = "5.7.1 No such user!"
    assert classify_reply(550, text, stage="rcpt", remote_host="mx.yandex.ru").suppress
    assert not classify_reply(550, text, stage="rcpt", remote_host="mx.example.net").suppress


@pytest.mark.parametrize(
    ("code", "text", "stage", "reason"),
    [
        (550, "User has too many messages on the server.", "rcpt", "mailboxfull"),
        (432, "4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", "final", "speeding"),
        (
            550,
            "5.7.13 STOREDRV.Deliver.Exception:AccountDisabledException.MapiExceptionADUserDisabled",
            "final",
            "suspend",
        ),
        (451, "4.5.0 SMTP protocol violation", "rcpt", "syntaxerror"),
    ],
)
def test_documented_words_of_servers(code, text, stage, reason) -> None:
    verdict = classify_reply(code, text, stage=stage, remote_host=OUTLOOK)
    assert (verdict.reason, verdict.suppress) == (reason, False)


def test_a_gateway_that_finds_no_mail_host_leaves_the_rest_to_our_resolver() -> None:
    words = "unable to get mx info: failed to get IPs from PTR record: lookup <nil>: unrecognized address"
    verdict = judge(words, status="", reply_code=None, stage=None)
    assert (verdict.reason, verdict.scope, verdict.suppress) == ("hostunknown", "domain", False)


@pytest.mark.parametrize(
    "text",
    [
        "Excessive unknown recipients - possible Open Relay",
        "Too many invalid recipients, try later",
        "Rejected: excessive bad mailboxes tried by this sender",
    ],
)
def test_a_count_of_unknown_recipients_condemns_none_of_them(text: str) -> None:
    verdict = classify_reply(550, text, stage="rcpt")
    assert (verdict.scope, verdict.suppress) == ("sender-reputation", False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The recipient address rejected your message", "filtered"),
        ("User is not allowed to receive mail", "filtered"),
        ("ada is not a user of this server", "userunknown"),
    ],
)
def test_what_is_said_of_a_mailbox(text: str, reason: str) -> None:
    assert classify_reply(550, text, stage="rcpt").reason == reason
