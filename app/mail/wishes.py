"""Whether a person's reply looks like a wish to leave. It is only ever offered to somebody, never acted upon."""

import re

LONGEST = 400
"""Letters of a wish: whoever writes more wants to be read."""

_WISH = re.compile(
    r"""(?<!\w)(?:
      unsubscribe | unsub | opt[ -]?(?:me\ )?out
    | (?:remove|delete|take|strike)\ (?:me|my\ (?:e-?mail|address|name|details|data))\b(?!\ (?:wrong|as\ a))
    | (?:stop|cease|quit|no\ more)\ (?:sending|e-?mailing|mailing|writing|contacting|spamming
        |(?:these\ )?(?:e-?)?mails?|newsletters?)
    | (?:do\ not|don.?t)\ (?:send|e-?mail|mail|contact|write)\ (?:to\ )?me
    | (?:do\ not|don.?t|no\ longer)\ (?:want|wish)\b
    | leave\ me\ alone | cancel\ (?:my|the)\ (?:subscription|newsletter)
    | abmelden | abbestell\w* | austragen | (?:bitte\ )?keine\ (?:weiteren\ )?(?:e-?mails?|newsletter|werbung)\b
    | (?:lösch\w*|entfern\w*|streich\w*)\ (?:sie\ )?(?:mich|meine\ (?:e-?mail|adresse|daten)) | aus\ dem\ verteiler
    | désabonn\w* | désinscri\w* | desabonn\w* | desinscri\w* | ne\ (?:m.envoyez\ plus|plus\ (?:m.envoyer|recevoir))
    | (?:retir|supprim|enlev)\w*(?:-|\ )moi
    | darme\ de\ baja | dame\ de\ baja | d[ée]me\ de\ baja | dar\ de\ baja
    | denme\ de\ baja | cancelar?\ (?:mi\ )?suscripción
    | no\ (?:me\ env[ií]\w+|quiero\ recibir)\ | borr\w+\ mi\ (?:correo|email) | elim[ií]n\w+me
    | cancell\w*mi | disiscri\w* | disdic\w* | non\ (?:inviatemi|voglio\ (?:più\ )?ricevere) | toglietemi | rimuov\w*mi
    | (?:uit|af)schrijven | afmelden
    | schrijf\ (?:me|mij)\ uit | geen\ (?:e-?mails?|nieuwsbrie\w*)\ meer | verwijder\ (?:me|mij)
    | cancelar\ (?:a\ )?(?:minha\ )?(?:inscrição|assinatura) | descadastr\w*
    | remov\w+\ (?:o\ )?meu\
    | não\ quero\ (?:mais\ )?receber
    | wypis\w* | usuń\w*\ (?:mnie|mój) | nie\ (?:chcę|życzę\ sobie)\ | rezygnuj\w*
    | avregistrer\w* | avprenumerer\w* | afmeld\w* | avmeld\w* | ta\ bort\ mig | slet\ mig | slett\ meg
    | отпис\w* | отпиш\w* | удалите\ (?:меня|мой) | не\ присылайте | відпис\w*
    | berhenti\ (?:berlangganan|langganan) | hapus\ (?:saya|email\ saya) | jangan\ kirim
    | (?:abonelik|aboneliğ)\w*\ (?:iptal|çık)\w* | listeden\ çık\w* | çıkar\w*\ beni
    | 退订 | 取消订阅 | 退訂 | 取消訂閱 | 配信停止 | 配信を停止
    | 登録解除 | 購読解除 | 解除してください | 수신\s?거부 | 구독\s?취소
    | إلغاء\ الاشتراك | הסר(?:ו)?\ אותי | hủy\ đăng\ ký | ยกเลิกการ
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT = re.compile(
    r"(?:\bnot|\bnever|n['’]t|\bnicht|\bdidn['’]?t|\bwithout|\bhow (?:can|do) (?:people|others))\W+(?:\w+\W+){0,2}\Z",
    re.I,
)
_WANTED = re.compile(r"(?:want|wish|send|e-?mail|mail|contact|write)", re.IGNORECASE)


def leaving_wish(words: str) -> str:
    """The words that look like a wish to leave, or an empty text. `words`: what the person wrote, without quotes."""
    words = " ".join(words.split())
    if not words or len(words) > LONGEST:
        return ""
    for found in _WISH.finditer(words):
        if _WANTED.search(found[0]) or not _NOT.search(words[max(0, found.start() - 60) : found.start()]):
            return found[0].strip()
    return ""
