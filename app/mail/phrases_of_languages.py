"""Phrases of servers that answer in other languages than English. Tried last: most of them say it in English besides.

Whatever mentions a sender is taken as speaking of one. Words such as "address", which may be anybody's, are left out.
"""

PHRASES_OF_LANGUAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "rejected",
        (
            # German, Dutch, French, Spanish, Portuguese, Italian, Polish, Russian
            "absender*|afzender*|expéditeur*|expediteur*|lexpéditeur|lexpediteur|remitente*|remetente*|mittente*|"
            "nadawc*|отправител*",
            # Swedish, Danish, Norwegian, Finnish, Czech, Hungarian, Romanian, Turkish, Greek
            "avsändar*|afsender*|avsender*|lähettäj*|odesílatel*|odosielateľ*|feladó*|expeditor*|gönderen*|αποστολέ*",
            # Chinese, Japanese, Korean
            "*发件人*|*寄件者*|*寄件人*|*差出人*|*送信者*|*送信元*|*보낸*|*발신자*|*발송자*",
        ),
    ),
    (
        "mailboxfull",
        (
            "postfach|speicherplatz|speichervolumen|posteingang ~3 voll|überschritten|ueberschritten|erschöpft|"
            "überfüllt",
            "benutzer|empfänger|empfaenger|postfach ~1 hat ~1 zuviele|zu_viele ~1 mails|nachrichten",
            "postvak|mailbox ~3 vol",
            "boîte|boite|bal|quota ~4 pleine|plein|dépassé|depasse|saturée|saturee",
            "buzón|buzon|casilla|cuota ~4 lleno|llena|excedida|superada",
            "caixa|cota|quota ~4 cheia|excedida",
            "casella|quota ~4 piena|superata|esaurita",
            "skrzynka ~3 pełna|pelna|przepełniona|przepelniona",
            "ящик ~3 переполнен|заполнен",
        ),
    ),
    (
        "userunknown",
        (
            "benutzer|nutzer|empfänger|empfaenger|postfach|teilnehmer ~3 unbekannt|nicht_bekannt|existiert_nicht|"
            "nicht_vorhanden|nicht_gefunden",
            "unbekannter|unbekannte ~1 benutzer|nutzer|empfänger|empfaenger",
            "gebruiker|ontvanger|postvak ~3 onbekend|bestaat_niet|niet_gevonden",
            "utilisateur|destinataire|boîte|boite ~3 inconnu|inconnue|inexistant|inexistante|nexiste_pas|nexiste_plus",
            "usuario|destinatario|buzón|buzon ~3 desconocido|inexistente|no_existe",
            "usuário|usuario|destinatário|destinatario ~3 desconhecido|inexistente|não_existe|nao_existe",
            "utente|destinatario|casella ~3 sconosciuto|sconosciuta|inesistente|non_esiste",
            "użytkownik|uzytkownik|odbiorca|skrzynka ~3 nieznany|nieznana|nie_istnieje",
            "пользователь|получатель|адресат|ящик ~3 неизвестен|не_найден|не_существует|не_зарегистрирован",
            "нет_такого ~1 пользователя|получателя|адресата|ящика",
            # Notes and Domino, of their own directory.
            "nicht|non|no|não|niet|nie ~5 domino ~1 verzeichnis|directory|katalogu",
            "non|no|não|niet ~3 annuaire|lannuaire|directorio|rubrica|diretório|adresboek|elenco ~3 domino",
            # The same again, not found instead of unknown, and what is joined or turned round.
            "usuario|destinatario|buzón|buzon ~2 no_encontrado|no_encontrada",
            "usuário|usuario|destinatário|destinatario ~2 não_encontrado|nao_encontrado",
            "utente|destinatario|casella ~2 non_trovato|non_trovata",
            "utilisateur|destinataire ~2 introuvable",
            "empfängeradresse|empfaengeradresse|konto ~2 existiert_nicht|unbekannt|nicht_gefunden|nicht_vorhanden",
            "nie_ma ~1 takiego|takiej ~1 użytkownika|uzytkownika|konta|skrzynki|adresata|odbiorcy",
            # Swedish, Danish, Norwegian, Finnish
            "mottagar*|användar*|postlåda* ~2 finns_inte|okänd|saknas",
            "modtager*|bruger*|postkasse* ~2 findes_ikke|ukendt|eksisterer_ikke",
            "mottaker*|bruker*|postboks* ~2 finnes_ikke|ukjent|eksisterer_ikke",
            "vastaanottaja*|käyttäjä* ~2 ei_löydy|ei_ole_olemassa|tuntematon",
            # Czech, Slovak, Hungarian, Romanian, Turkish, Greek
            "uživatel*|příjemce|schránka|používateľ*|príjemca ~2 neexistuje|nenalezen|neznámý|nenájdený|nebyl_nalezen",
            "nincs_ilyen|ismeretlen ~1 felhasználó|címzett|postafiók",
            "felhasználó|címzett|postafiók ~2 nem_létezik|nem_található",
            "utilizator*|destinatar* ~2 nu_există|nu_exista|necunoscut|inexistent",
            "kullanıcı|alıcı|posta_kutusu ~2 bulunamadı|mevcut_değil|bilinmiyor|yok",
            "χρήστης|παραλήπτης|παραλήπτη ~2 δεν_υπάρχει|άγνωστος|δεν_βρέθηκε",
            # Chinese, Japanese, Korean: no blanks part the words of the first two.
            "*用户不存在*|*用户未找到*|*收件人不存在*|*收件人地址不存在*|*邮箱不存在*|*账号不存在*|*帐号不存在*|*查无此用户*",
            "*使用者不存在*|*收件者不存在*|*收件人位址不存在*|*信箱不存在*|*帳號不存在*|*查無此*",
            "*存在しないアドレス*|*アドレスが存在しません*|*アドレスは存在しません*|*ユーザーが存在しません*|*宛先不明*",
            "*사용자*|*수신자*|*계정* ~3 *없는|없습니다|없음|존재하지*|찾을_수_없*",
        ),
    ),
)
