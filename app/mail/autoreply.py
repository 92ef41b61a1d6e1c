"""Automatic answers: out of office, tickets, challenges (RFC 3834). Neither bounces nor a person's words."""

import re

from app.mail.fields import Fields

_MARKS = frozenset(
    {"x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-autoreply-from", "x-vacation"}
)
_PRECEDENCES = frozenset({"auto_reply", "auto-reply", "autoreply"})
_LIST_MARKS = frozenset({"list-id", "list-unsubscribe", "list-post"})

# How common mail programs begin the subject of an automatic answer, language by language.
_SUBJECT = re.compile(
    r"""^(?:(?:re|aw|sv|fwd?)\s*:\s*)?(?:\[[^\]]{1,40}\]\s*)?(?:
    auto(?:matic|mated)?[\s_-]?(?:reply|response|answer) | autoreply | autorespond | out\s+of\s+(?:the\s+)?office
    | away\s+from\s+(?:my|the)\s+(?:mail|office|desk) | (?:on\s+)?vacation\b | on\s+(?:annual\s+|parental\s+)?leave\b
    | automatische\s+(?:antwort|beantwoording) | abwesenheit | abwesend\b | auto-?antwort
    | r[ée]ponse\s+automatique | absence?\s+du\s+bureau | absent\b | message\s+d'absence
    | respuesta\s+autom[áa]tica | fuera\s+de\s+(?:la\s+)?oficina | resposta\s+autom[áa]tica | fora\s+do\s+escrit[óo]rio
    | risposta\s+automatica | fuori\s+(?:sede|ufficio) | automatisch\s+antwoord | afwezig
    | automatisk\s+(?:svar|svarsmeddelande) | autosvar | fr[åa]nvaro | automaattinen\s+vastaus | poissa
    | automatyczna\s+odpowied[źz] | automatick[áa]\s+odpov[ěe][ďd] | automatikus\s+v[áa]lasz | otomatik\s+yan[ıi]t
    | автоматический\s+ответ | автоответ | автоматична\s+відповідь | αυτόματη\s+απάντηση
    | 自动(?:回复|答复) | 自動(?:回覆|回復|応答|返信|答覆) | 不在(?:通知|のお知らせ|届) | 자동\s?(?:회신|응답) | 부재중
    | الرد\s+التلقائي | رد\s+تلقائي | תשובה\s+אוטומטית | balasan\s+otomatis | ตอบกลับอัตโนมัติ | trả\s+lời\s+tự\s+động
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def autoreply_sign(header: Fields) -> str:
    """What shows that a mail is an automatic answer, or an empty text. Reports must have been ruled out before."""
    submitted = header.text("Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return f"Auto-Submitted: {submitted[:60]}"
    if mark := next(iter(sorted(_MARKS & header.names())), ""):
        return mark
    if (precedence := header.text("Precedence").lower()) in _PRECEDENCES:
        return f"Precedence: {precedence}"
    # Exchange puts this on its own answers; bulk mail carries it too, as ours does.
    if "X-Auto-Response-Suppress" in header and not _LIST_MARKS & header.names():
        return "X-Auto-Response-Suppress"
    subject = header.text("Subject")
    return f"Subject: {subject[:100]}" if _SUBJECT.match(subject) else ""
