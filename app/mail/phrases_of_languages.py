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
        ),
    ),
)
