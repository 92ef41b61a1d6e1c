"""How notices of failure are titled and how they begin, language by language: patterns, with a space for any blanks."""

import re
from collections.abc import Iterable, Iterator

_SUBJECTS = (
    # English
    (
        "undeliver",
        "not (?:be )?deliver",
        r"\bnon[- ]?deliver",
        "returned (?:e-?mail|message|to)",
        r"\bndn\b",
        "^warning:",
    ),
    (r"deliver\w{0,12} (?:\w+ ){0,2}(?:fail|problem|status|error|delay|notif|report|unsuccess)", "delayed mail"),
    ("fail(?:ure|ed) (?:notice|deliver|e?-?mail|message|to (?:deliver|send)|addresses)", "(?:processing|mail) error"),
    ("(?:e?-?mail|message) (?:fail|deliver|delay|system error|could not|not sent|bounced)", r"could\s?n.?t be"),
    ("error (?:sending|delivering)", r"not (?:a )?members?\b", "loop alert"),
    # Barracuda's and MailMarshal's filters, of what they keep back.
    (r"(?:message|mail) you sent (?:was )?blocked", r"blocked your (?:message|e-?mail)"),
    # German, Dutch
    (
        "unzustellbar",
        "nicht zugestellt",
        r"zustell\w{0,12} ?(?:fehl|nicht|problem|verz)",
        r"fehler\w{0,12} (?:bei der )?zustell",
    ),
    ("onbestelbaar", "niet afgeleverd", "niet (?:worden )?(?:be)?zorg"),
    # French, Italian, Spanish, Portuguese
    ("non (?:remis|distribu[ée]|d[ée]livr)", "[ée]chec de (?:la )?(?:remise|distribution|livraison)"),
    ("(?:remise|distribution) (?:a )?[ée]chou",),
    ("mancata consegna", "impossibile (?:recapitare|consegnare)", "non (?:recapitat|consegn)"),
    ("no se (?:puede|pudo|ha podido) entregar", "no entregad", "error (?:de|en la) entrega", "correo devuelto"),
    ("n[ãa]o (?:foi )?(?:p[ôo]de ser )?entreg", "falha (?:na|de) entrega"),
    # Polish, Czech, Russian, Turkish, Hungarian, Finnish, Swedish, Danish, Norwegian
    ("nie (?:mo[żz]na )?dostarcz", "niedor[ęe]cz", "nedoru[čc]", "nelze doru[čc]"),
    ("не (?:доставлен|может быть доставлен|удалось доставить)", "недоставлен", "ошибка доставки"),
    (
        "teslim edileme",
        "kézbesíthetetlen",
        "toimitus ep[äa]onnistu",
        "kunde inte levereras",
        "(?:kunne|blev) ikke lever",
    ),
    # Japanese, Chinese, Korean
    (
        "配信(?:不能|できません|エラー|失敗)",
        "送信(?:できません|エラー|失敗)",
        "宛先不明",
        "返送",
        "不達",
        "エラーメール",
    ),
    ("退信", "投递失败", "发送失败", "无法(?:投递|送达|传递)", "無法(?:投遞|傳遞|送達)", "傳送失敗"),
    ("배달(?:되지|할 수 없| 실패)", "전송 ?실패", "반송"),
)
_OPENINGS = (
    # English
    (r"(?:could|can)\s?(?:not|n.t) be (?:\w+ )?(?:deliver|reach|sent|forward)", r"(?:could|can)\s?(?:not|n.t) deliver"),
    (r"(?:was|were)\s?(?:not|n.t) (?:be )?(?:able to )?deliver", r"unable to (?:\w+ )?deliver", "not delivered to"),
    ("did not (?:reach|receive)", "undeliver(?:ed|able)", "error (?:while )?delivering"),
    (r"deliver\w{0,12} (?:to the following|has (?:been delayed|failed)|fail|error)",),
    ("(?:has|have) been (?:returned|rejected|bounced)", "permanent (?:fatal )?(?:delivery )?error"),
    ("(?:failed|intended|invalid final delivery) (?:recipient|address|userid)", "invalid user address"),
    (r"following (?:e-?mail )?(?:address|recipient)(?:es|s|\(e?s\))? (?:had|has|have|fail|could|were|was|is|are|did)",),
    ("not been delivered", r"(?:message|mail) (?:\w+ ){1,3}was not delivered", "was blocked by our"),
    ("no valid recipients", "you are not (?:a )?member of", "duplicated message-id"),
    # A reply of the other server at the beginning of a line.
    (r"^(?:>>> |<<< |smtp; ?)?5\d\d[ -]\#?(?:5\.\d{1,3}\.\d{1,3}\b|\S+@)",),
    # German, French, Spanish, Italian, Portuguese, Russian
    (r"konnte\w? nicht (?:\w+ )?zugestellt", "n['’]a pas pu [êe]tre", "no se (?:pudo|puede|ha podido) entregar"),
    ("non [èe] stato possibile", "n[ãa]o p[ôo]de ser entreg", r"не (?:было|может быть|удалось) достав"),
    # Japanese, Chinese, Korean
    ("送信できません", "配信できません", "送信に失敗", "配信に失敗", "お届けできません"),
    ("无法(?:投递|送达|发送|传递)", "投递失败", "退信", "無法(?:投遞|送達|傳遞)", "배달할 수 없"),
)


def _compiled(rows: Iterable[Iterable[str]]) -> re.Pattern[str]:
    patterns = (pattern.replace(" ?", r"\s*").replace(" ", r"\s+") for row in rows for pattern in row)
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


FAILURE_SUBJECT = _compiled(_SUBJECTS)
FAILURE_OPENING = _compiled(_OPENINGS)
SUCCESS_SUBJECT = _compiled(
    [
        (
            # Not the word alone: notices of failure repeat the subject of the mail, and that may be a success story.
            r"\A ?(?:mail |message |delivery )?success\w{0,6}\b",
            r"\bdelivery (?:\w+ ){0,2}\(?(?:success\w{0,6}|relay)\)?",
            r"\A ?(?:relayed|delivered|expanded)\b",
            r"\bhas been (?:successfully )?(?:delivered|relayed)\b",
            r"\bdelivery confirm\w*",
            r"\(relay\)",
        )
    ]
)
# What filters and gateways write before a subject: [EXTERNAL], ***SPAM***, {Spam?}, SPAM:.
_TAG = re.compile(
    r"\A\s*+(?:\[[^\]\n]{1,40}\]|\{[^}\n]{1,40}\}|\*{2,9}[^*\n]{1,40}\*{2,9}|(?:spam|suspect)\s*+:)\s*+", re.IGNORECASE
)
_MOST_TAGS = 5
# What mail programs put before the subject of an answer or of a forwarded mail.
ANSWER_SUBJECT = re.compile(
    r"\A\s*+(?:re|aw|sv|fwd?|wg|tr|rv|enc|antw|vs|回复|答复|转发|返信)\s*+(?:\[\d+\]\s*+)?[:：]", re.I
)


def untagged(subject: str) -> str:
    """A subject without what filters on the way wrote before it."""
    return list(fewer_tags(subject))[-1]


def fewer_tags(subject: str) -> Iterator[str]:
    """The subject as it stands, then with one tag less each: what stands in brackets may be the program's own word."""
    yield subject
    for _ in range(_MOST_TAGS):
        found = _TAG.match(subject)
        if found is None or found.end() == len(subject):
            return
        subject = subject[found.end() :]
        yield subject
