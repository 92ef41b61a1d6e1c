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
    ("code", "stage", "reason", "suppress"),
    [
        (550, "rcpt", "userunknown", True),
        (550, None, "filtered", False),
        (450, "rcpt", "systemerror", False),
        (550, "final", "systemerror", False),
    ],
)
def test_mailbox_unavailable_at_rcpt_means_that_there_is_none(code, stage, reason, suppress) -> None:
    verdict = judge("Requested action not taken: mailbox unavailable", status="", reply_code=code, stage=stage)
    assert (verdict.reason, verdict.suppress) == (reason, suppress)


@pytest.mark.parametrize(
    ("text", "host", "suppress"),
    [
        ("5.5.0 Requested action not taken: mailbox unavailable (S1)", "mx.olc.protection.outlook.com", True),
        ("5.5.0 Requested action not taken: mailbox unavailable", "mx.example.net", False),
        ("5.5.0 Requested action not taken: mailbox unavailable, no such user here", "mx.example.net", True),
        ("Requested action not taken: mailbox unavailable", "mx00.gmx.net", True),
        ("Mailbox unavailable or access denied", "mx3.qq.com", False),
        ("5.7.1 Requested action not taken: mailbox unavailable, no such user here", "mx.example.net", False),
    ],
)
def test_mailbox_unavailable_in_a_report_that_names_no_command(text, host, suppress) -> None:
    verdict = judge(f"550 {text}", status="", reply_code=550, stage=None, remote_host=host)
    assert verdict.suppress is suppress


@pytest.mark.parametrize(
    ("text", "stage", "suppress"),
    [
        ("#5.1.0 Address rejected.", "rcpt", True),
        ("5.1.0 Address rejected ada@example.org", "rcpt", True),
        ("5.1.0 Address rejected. See the policy of this site", "rcpt", False),
        ("5.1.0 Sender address rejected", "rcpt", False),
        ("5.1.0 Address rejected.", "mail", False),
        ("5.1.0 Address rejected.", None, False),
    ],
)
def test_an_address_that_is_rejected_as_such(text, stage, suppress) -> None:
    assert judge(f"550 {text}", status="5.1.0", reply_code=550, stage=stage).suppress is suppress


@pytest.mark.parametrize(
    "text",
    [
        "unknown host in HELO",
        "authentication failed: user unknown",
        "return address does not exist",
        "mailbox for bounce address does not exist",
        "Your domain does not exist",
        "No such domain in MAIL FROM",
    ],
)
def test_the_unknown_name_of_a_sender_condemns_no_recipient(text) -> None:
    assert not classify_reply(550, text, stage="rcpt").suppress


@pytest.mark.parametrize(
    "text",
    [
        "sorry, this user is not in our directory",
        "Nobody here by that name",
        "Usuario no encontrado",
        "Empfängeradresse existiert nicht",
        "Nie ma takiego użytkownika",
        "Utente non trovato",
        "Destinataire introuvable",
        "Nincs ilyen felhasználó",
        "A postafiók nem található",
        "Destinatarul nu există",
        "Mottagaren finns inte",
        "Käyttäjää ei löydy",
        "Uživatel neexistuje",
        "Kullanıcı bulunamadı",
        "Ο χρήστης δεν υπάρχει",
        "您好，收件人不存在",
        "存在しないアドレスです",
        "사용자를 찾을 수 없습니다",
    ],
)
def test_many_ways_to_say_that_nobody_is_there(text) -> None:
    assert classify_reply(550, text, stage="rcpt").suppress
    assert not classify_reply(550, text, stage="final").suppress


@pytest.mark.parametrize(
    "text", ["发件人不存在", "送信者のアドレスは存在しません", "Avsändaren finns inte", "Odesílatel neexistuje"]
)
def test_an_unknown_sender_in_other_languages_condemns_nobody(text) -> None:
    assert classify_reply(550, text, stage="rcpt").reason == "rejected"


def test_a_name_that_dns_denies_is_gone_though_the_code_is_a_temporary_one() -> None:
    words = "DNS lookup of example.test responded with code NXDOMAIN Domain name not found"
    assert judge(words, status="4.0.0", reply_code=None, stage=None, gave_up=True).suppress
    assert not judge(words, status="4.0.0", reply_code=None, stage=None, gave_up=False).suppress


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


@pytest.mark.parametrize(
    "text",
    [
        "5.1.1 wrong recipient",
        "Command RCPT User <ada@example.org> not OK",
        "5.1.1 <ada@example.org> recipient mailbox unallocated",
        "unavailable mail user",
        "The email account that you tried to reach does no exist",
        "ada@example.org: user not exist",
        "5.1.1 email address lookup in domain map failed",
        "User is not a member of domain: ada@example.org",
        "5.1.1 User hasn't got the service mapped",
        "5.1.1 Recipient address rejected: mail for this user is not known here, no such user",
    ],
)
def test_more_ways_to_say_in_english_that_nobody_is_there(text: str) -> None:
    assert classify_reply(550, text, stage="rcpt").suppress


@pytest.mark.parametrize(
    "text",
    [
        "5.1.1 Message blocked, see our pages",
        "5.1.1 Your mail was refused",
        "5.1.1 Access denied",
        "5.1.1 You look like spam",
        "5.1.1 SMTP authentication is required for unknown users",
        "5.1.7 User unknown",
        "5.1.8 Address does not exist",
        "5.1.1 Mailbox blocked due to inactivity",
        "5.1.1 Archived recipient",
    ],
)
def test_the_code_of_a_bad_address_under_words_that_speak_of_something_else(text: str) -> None:
    assert not classify_reply(550, text, stage="rcpt").suppress


@pytest.mark.parametrize(
    ("code", "text", "suppress"),
    [
        (554, "5.7.1 <ada@example.org>: Recipient address rejected: User unknown", True),
        (554, "5.7.1 <ada@example.org>: Recipient address rejected: Not in recipient list", True),
        (554, "5.7.1 <ada@example.org>: Recipient address rejected: Unknown policy violated", False),
        (554, "5.7.1 User unknown", False),
        (550, "5.7.1 <ada@example.org>: Recipient address rejected: User unknown", False),
    ],
)
def test_postfix_answers_for_its_tables_with_a_code_of_security(code: int, text: str, suppress: bool) -> None:
    assert classify_reply(code, text, stage="rcpt").suppress is suppress


def test_an_address_that_has_another_owner_since_is_lost() -> None:
    assert classify_reply(550, "5.7.17 Mailbox owner has changed", stage="rcpt").suppress
    assert classify_reply(550, "5.7.18 Domain owner has changed", stage="rcpt").suppress


@pytest.mark.parametrize(
    ("host", "code", "text", "reason", "suppress"),
    [
        (
            "mta7.am0.yahoodns.net",
            554,
            "delivery error: dd ada@yahoo.com is no longer valid. [-20]",
            "userunknown",
            True,
        ),
        (
            "mxs.mail.ru",
            550,
            "invalid mailbox. Local mailbox ada@mail.ru is unavailable: user is terminated",
            "userunknown",
            True,
        ),
        (
            "acme.in.tmes.trendmicro.com",
            554,
            "5.7.1 <a@example.org>: Recipient address rejected: Invalid-Recipient.",
            "userunknown",
            True,
        ),
        (
            "acme.in.tmes.trendmicro.com",
            554,
            "5.7.1 <a@example.org>: Recipient address rejected: BLOCK-SENDER.",
            "policyviolation",
            False,
        ),
        (
            "mx1.us.ppe-hosted.com",
            550,
            "5.7.1 <a@example.org>: Recipient address rejected: marked as invalid.",
            "userunknown",
            True,
        ),
        ("mfsmax.docomo.ne.jp", 550, "5.1.1 Unknown user a@docomo.ne.jp", "userunknown", True),
        ("mfsmax.docomo.ne.jp", 550, "5.2.0 Unknown user a@docomo.ne.jp", "filtered", False),
    ],
)
def test_words_of_providers_and_filters(host: str, code: int, text: str, reason: str, suppress: bool) -> None:
    verdict = classify_reply(code, text, stage="rcpt", remote_host=host)
    assert (verdict.reason, verdict.suppress) == (reason, suppress)


@pytest.mark.parametrize(
    ("notes", "suppress"),
    [
        ("ada wasn't found at example.org.", True),
        ("The email address you entered couldn't be found.", True),
        ("Your message to ada@example.org couldn't be delivered.", False),
    ],
)
def test_a_system_that_says_itself_whom_it_did_not_find_bears_the_reply_out(notes: str, suppress: bool) -> None:
    found = judge("550 user unknown", status="5.0.0", reply_code=550, stage=None, notes=notes)
    assert found.suppress is suppress
