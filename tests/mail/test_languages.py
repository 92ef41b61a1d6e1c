"""Servers that answer in their own language: whom they do not know, whose mailbox is full or shut, whom they refuse."""

import pytest

from app.mail.classify import classify_reply, judge

UNKNOWN = [
    "Diese E-Mail-Adresse existiert nicht",
    "Kein solches Postfach auf diesem Server",
    "Der Empfänger wurde nicht gefunden",
    "Cette adresse est inconnue chez nous",
    "Aucun utilisateur de ce nom",
    "La cuenta no existe en este dominio",
    "No existe ese buzón",
    "Conta inexistente",
    "O endereço não existe",
    "Questa casella non esiste",
    "Indirizzo errato",
    "Dit adres bestaat niet",
    "Konto nie istnieje",
    "Nie znaleziono odbiorcy",
    "Такого адресата нет: адрес не существует",
    "Абонент не зарегистрирован",
    "Neznámý uživatel",
    "Adressen hittades inte",
    "Kontoen finnes ikke",
    "Osoitetta ei löytynyt",
    "Ez a cím nem létezik",
    "Adresa nu există",
    "Hesap bulunamadı",
    "Ο λογαριασμός δεν βρέθηκε",
    "Користувача не знайдено",
    "Alamat tidak terdaftar",
    "Hộp thư không tồn tại",
    "المستخدم غير موجود",
    "התיבה לא קיימת",
    "找不到该用户",
    "無此使用者",
    "ユーザーが見つかりません",
    "존재하지 않는 계정입니다",
]
FULL = [
    "Espace insuffisant",
    "La cuota del usuario fue superada",
    "A caixa de correio está cheia",
    "Skrzynka przepełniona",
    "Превышен лимит ящика",
    "Postlådan är full",
    "Schránka je plná",
    "A postafiók megtelt",
    "Posta kutusu dolu",
    "Kotak surat sudah penuh",
    "邮箱空间已满",
    "容量を超過しました",
    "메일함 용량 초과",
]
SHUT = [
    "Das Konto wurde deaktiviert",
    "Ce compte est suspendu",
    "La cuenta está bloqueada",
    "Conta desativada",
    "Casella sospesa",
    "Account is geblokkeerd",
    "Konto zablokowane",
    "Ящик заблокирован",
    "Schránka je zablokovaná",
    "Hesap askıya alındı",
    "Akun dinonaktifkan",
    "该邮箱已停用",
    "利用停止中です",
    "휴면 계정입니다",
]
OF_US = [
    "Ihre IP-Adresse ist gesperrt",
    "Votre adresse IP est bloquée",
    "Adresse IP inconnue",
    "IP-Adresse ungültig",
    "Dirección IP no válida",
    "Su dominio no existe",
    "L'indirizzo del mittente non esiste",
    "Ваш домен не существует",
    "Pengirim tidak dikenal",
    "您的IP被拒绝",
    "迷惑メールと判定されました",
    "스팸으로 분류되었습니다",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_who_does_not_exist_is_told_in_many_languages(text: str) -> None:
    assert classify_reply(550, f"5.1.1 {text}", stage="rcpt").suppress
    assert classify_reply(550, text, stage="rcpt").reason == "userunknown"
    assert not classify_reply(550, text, stage="final").suppress


@pytest.mark.parametrize("text", FULL)
def test_a_full_mailbox_is_alive_whatever_the_code_says(text: str) -> None:
    verdict = classify_reply(550, f"5.1.1 {text}", stage="rcpt")
    assert (verdict.reason, verdict.suppress) == ("mailboxfull", False)


@pytest.mark.parametrize("text", SHUT)
def test_a_mailbox_that_is_shut_may_be_opened_again(text: str) -> None:
    verdict = classify_reply(550, f"5.1.1 {text}", stage="rcpt")
    assert (verdict.reason, verdict.suppress) == ("suspend", False)


@pytest.mark.parametrize("text", OF_US)
def test_what_speaks_of_the_sender_condemns_nobody(text: str) -> None:
    verdict = classify_reply(550, f"5.1.1 {text}", stage="rcpt")
    assert verdict.scope in ("sender-reputation", "content")
    assert not verdict.suppress


def test_certified_mail_that_takes_no_other_says_nothing_of_the_address() -> None:
    text = "Indirizzo sconosciuto o non abilitato alla ricezione di posta non certificata"
    assert not judge(f"554 {text}", status="5.0.0", reply_code=554, stage="rcpt").suppress
