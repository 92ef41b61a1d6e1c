"""Whether a person's reply looks like a wish to leave. It is only ever offered to somebody, never acted upon."""

import re

LONGEST = 400
"""Letters of a wish: whoever writes more wants to be read."""
COMMAND = 5
"""Words of a reply that is nothing but a command."""

_POLITE = (
    r"(?:please|pls|plz|kindly|thanks?|thank\ you|hi|hello|bitte|danke|hallo|merci|s.il\ vous\ pla[iî]t|svp|bonjour"
    r"|por\ favor|gracias|hola|per\ favore|grazie|alsjeblieft|alstublieft|graag|bedankt|obrigad[oa]|proszę|dziękuję"
    r"|tack|tak|takk|пожалуйста|спасибо|tolong|mohon|terima\ kasih|lütfen|teşekkürler)"
)
# What a whole reply may be, with or without manners: one word means nothing else below a newsletter.
_COMMAND = re.compile(
    rf"""(?:{_POLITE}\ ){{0,4}}(?:
      stopp? | stop\ (?:it|this|that|now|all|these|them|e-?mails?|newsletters?|the\ list)(?:\ now)?
    | (?:remove|delete|cancel)(?:\ (?:me|my\ e-?mail|this|now|newsletters?|subscription))? | quit | optout | no\ more
    | (?:newsletter\ )?(?:kündigung|abmeldung|austragung|kündigen|löschen|entfernen|stoppen|stornieren|stopp?)
      (?:\ newsletter)?
    | (?:bitte\ )?raus
    | retirer | retirez[ -]moi | arrêt(?:er|ez)? | supprimer | supprimez | résili(?:er|ation) | d[ée]sinscription
    | baja | cancelar | eliminar | quitar | parar | rimuovere | rimuovi | cancella | cancellare | disiscrizione
    | stoppen | verwijderen | opzeggen | remover | sair | usuń | usunąć | rezygnacja | avsluta | avbryt | opsig
    | стоп | удалить | удалите | отписка | отказ | хватит | berhenti | hapus | iptal | durdur
    | 停止 | 取消 | 解約 | 解除 | 配信停止 | 중지 | 해지 | توقف | إيقاف | הסר
    )(?:\ {_POLITE}){{0,4}}""",
    re.IGNORECASE | re.VERBOSE,
)
_MARKS = re.compile(r"[.,;:!…\"“”„«»*_()\-–—。！]+")

_WISH = re.compile(
    r"""(?<!\w)(?:
      unsubscribe | unsub | opt[ -]?(?:me\ )?out
    | (?:remove|delete|strike)\ (?:me|my\ (?:e-?mail|address|name|details|data))\b(?!\ (?:wrong|as\ a))
    | (?:stop|cease|quit|no\ more)\ (?:sending|e-?mailing|mailing|writing|contacting|spamming
        |(?:these\ )?(?:e-?)?mails?|newsletters?)
    | (?:do\ not|don.?t)\ (?:send|e-?mail|mail|contact|write)\ (?:to\ )?me
    | (?:do\ not|don.?t|no\ longer)\ (?:want|wish)\b(?!\ to\ (?:miss|be\ removed|unsubscribe|leave|lose))
    | (?:take|get)\ (?:me|us|my\ (?:e-?mail|address|name))\ (?:off|out\ of)\b(?!-)
    | (?:be|get)\ (?:taken\ off|removed\ from)\ (?:your|the|this)\b
    | off\ (?:your|the|this)\ (?:mailing\ |e-?mail\ )?list | end\ my\ subscription
    | leave\ me\ alone | cancel\ (?:my|the)\ (?:subscription|newsletter)
    | abmelden | abbestell\w* | austragen | (?:bitte\ )?keine\ (?:weiteren\ )?(?:e-?mails?|newsletter|werbung)\b
    | (?:lösch\w*|entfern\w*|streich\w*)\ (?:sie\ )?(?:mich|meine\ (?:e-?mail|adresse|daten)) | aus\ dem\ verteiler
    | désabonn\w* | désinscri\w* | desabonn\w* | desinscri\w* | ne\ (?:m.envoyez\ plus|plus\ (?:m.envoyer|recevoir))
    | (?:trag\w*|nehm\w*|nimm|lösch\w*|streich\w*)\ (?:(?:sie|uns|bitte)\ ){0,2}(?:mich|meine\ (?:e-?mail-?)?adresse)
        \ (?:bitte\ |wieder\ |doch\ ){0,2}(?:aus|raus|heraus|von\ (?:der|ihrer|eurer)\ (?:mailing-?)?liste)\b
    | (?:mich|meine\ (?:e-?mail-?)?adresse)\ (?:bitte\ )?(?:aus|von)\ \w+\ [\w-]*(?:verteiler|liste|newsletter)\b
    | (?:mich|meine\ (?:e-?mail-?)?adresse)\ (?:bitte\ )?
        (?:zu\ löschen|zu\ entfernen|zu\ streichen|auszutragen|abzumelden|löschen|entfernen|streichen)
    | kündig\w*\ (?:ich\ )?(?:hiermit\ )?
        (?:(?:den|des|meinen|meines|das|mein|diesen|ihren|ihres)\ )?(?:newsletters?|abo\w*)
    | newsletter\ (?:bitte\ )?(?:kündigen|stoppen|stornieren)
    | (?:retir|supprim|enlev)\w*(?:-|\ )moi
    | (?:me\ (?:retirer|supprimer|rayer|radier|enlever)|m.(?:enlever|ôter|oter|effacer))
        \ d(?:e|es|u)\ (?:(?:la|votre|vos|cette|ces)\ )?(?:liste|envoi|mailing|fichier|base|newsletter|lettre|diffusion)
    | (?:arrêt|arret|cess)\w*\ (?:de\ |d.)m.(?:envoyer|écrire|ecrire)
    | darme\ de\ baja | dame\ de\ baja | d[ée]me\ de\ baja | dar\ de\ baja
    | (?:qu[ií]t|s[áa]qu)\w+me\ de | dej\w+\ de\ (?:enviar|escribir|mandar)\w* | no\ deseo\ (?:recibir|más)
    | denme\ de\ baja | cancelar?\ (?:mi\ )?suscripción
    | no\ (?:me\ env[ií]\w+|quiero\ recibir)\ | borr\w+\ mi\ (?:correo|email) | elim[ií]n\w+me
    | cancell\w*mi | disiscri\w* | disdic\w* | non\ (?:inviatemi|voglio\ (?:più\ )?ricevere) | toglietemi | rimuov\w*mi
    | toglier(?:e|mi)\ (?:il\ mio|dalla|da\ quest) | non\ desidero\ (?:più\ )?ricevere
    | smett\w+\ di\ (?:inviar|mandar|scriver)\w+
    | haal\ (?:me|mij)\ (?:van|uit) | stop\ met\ (?:sturen|mailen) | niet\ (?:meer|langer)\ ontvangen
    | (?:uit|af)schrijven | afmelden
    | schrijf\ (?:me|mij)\ uit | geen\ (?:e-?mails?|nieuwsbrie\w*)\ meer | verwijder\ (?:me|mij)
    | cancelar\ (?:a\ )?(?:minha\ )?(?:inscrição|assinatura) | descadastr\w*
    | remov\w+\ (?:o\ )?meu\
    | não\ (?:quero|desejo)\ (?:mais\ )?receber | (?:retir|remov|tir)(?:em|am|e|a)-me | parem?\ de\ (?:enviar|mandar)
    | (?:o\ )?usunięcie\ (?:mnie|mojego|z\ listy)
    | (?:уберите|исключите)\ меня | прекратите\ (?:рассылк|присыл|слать)\w* | не\ хочу\ (?:больше\ )?получать
    | keluarkan\ saya | tidak\ (?:mau|ingin)\ (?:lagi\ )?menerima | (?:e-?posta|mail)\ (?:almak\ )?istemiyorum
    | 不要再发 | 别再发 | 請勿再 | 请勿再 | 配信不要 | 送らないで | 그만\ ?보내
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
_STOPS = re.compile(r"(?:stop|cease|quit)\b", re.IGNORECASE)
# "How do I stop sending mails twice?": it is the writer who sends.
_OF_OTHERS = re.compile(r"\b(?:I|we|they|he|she)\W+\Z", re.IGNORECASE)
_WANTED = re.compile(r"(?:want|wish|send|e-?mail|mail|contact|write)", re.IGNORECASE)


def leaving_wish(words: str) -> str:
    """The words that look like a wish to leave, or an empty text. `words`: what the person wrote, without quotes."""
    words = " ".join(words.split())
    if not words or len(words) > LONGEST:
        return ""
    if _is_command(words):
        return words
    for found in _WISH.finditer(words):
        before = words[max(0, found.start() - 60) : found.start()]
        if _STOPS.match(found[0]) and _OF_OTHERS.search(before):
            continue
        if _WANTED.search(found[0]) or not _NOT.search(before):
            return found[0].strip()
    return ""


def _is_command(words: str) -> bool:
    """Whether the whole reply is a word or two that mean one thing; a question never is."""
    plain = " ".join(_MARKS.sub(" ", words).split())
    return "?" not in words and len(plain.split()) <= COMMAND and _COMMAND.fullmatch(plain) is not None
