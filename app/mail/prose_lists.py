"""Lists of recipients in prose: a sentence that announces them, then one per line, each with what is said of it.

So write Exim, Sendmail, Gmail, Exchange, PMDF, MDaemon, GroupWise, OpenSMTPD, m-FILTER, Zoho and many more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.mail.recipients import ADDRESS, MAX_RECIPIENTS

_MAX_LINES = 400
_LONGEST_LINE = 1000

# Language by language, a space for any blanks.
_ANNOUNCEMENTS = (
    # English
    r"\b(?:following|these|failed|intended|some or all) (?:[\w-]+ ){0,3}(?:address(?:es|\(es\))?|recipients?)\b",
    r"\b(?:following|these|failed|intended) (?:[\w-]+ ){0,3}(?:users?|groups?|persons?|people|mailbox(?:es)?)\b",
    r"\b(?:not delivered|undeliverable|not be (?:delivered|reached|sent)|failed) (?:to |by )?the following\b",
    r"\b(?:not delivered|undeliverable|not be (?:delivered|sent)|failed) to ?:?[ \t]*$",
    r"\bsent to the following\b",
    # German, Dutch, Swedish, Danish, Norwegian
    r"folgende[nrs]? (?:\w{1,40} ){0,2}(?:empf[äa]nger|adress|person)",
    r"an die folgenden",
    r"volgende (?:ontvanger|geadresseerde|adres)",
    r"f[öø]l(?:jande|gende) (?:mottag|modtag|adress)",
    # French, Spanish, Portuguese, Italian
    r"(?:destinataires?|adresses?) suivante?s?",
    r"\b(?:destinatari\w{0,12}|direcci\w{1,12}|endere[çc]os?) (?:a )?(?:siguientes?|seguintes?)",
    r"\b(?:siguientes?|seguintes?|seguent[ei]) (?:(?:destinat[áa]ri|direcci|indirizz)\w{1,12}|endere[çc]os?)",
    # Polish, Czech, Russian, Turkish
    r"\bnast[ęe]puj[ąa]c\w{1,12} (?:adres|odbiorc)",
    r"\bn[áa]sleduj[íi]c\w{1,12} (?:adres|p[řr][íi]jemc)",
    r"\bследующ\w{1,12} (?:\w{1,40} )?(?:адрес|получател)",
    r"aşağıdaki (?:alıcı|adres)",
    # Japanese, Chinese, Korean
    r"(?:以下|次|下記)の?.{0,20}(?:アドレス|宛先|あて先|受信者)",
    r"(?:以下|下列).{0,8}(?:收件人|地址|邮箱|信箱)",
    r"다음 ?(?:수신자|주소|받는)",
)
_ANNOUNCEMENT = re.compile(
    "|".join(_ANNOUNCEMENTS).replace(" ?", r"\s*").replace(" ", r"\s+"), re.IGNORECASE | re.MULTILINE
)
# An address alone or first on its line, after a bullet, a number or a type; or behind a person's name (Exchange).
_ENTRY = re.compile(
    rf"""[ \t>*•|+\[-]*+(?:\d{{1,3}}[.)]\s+)?(?:(?:smtp|rfc822|recipient|address|status:\s*\w+,\s*address)\s*[:;]\s*)?
        ["'<(\[]*+(?P<bare>{ADDRESS})
    | [ \t>*•-]*+[^\n@<>():]{{1,80}}(?<!\bto)(?<!\bto\ )(?<!\bcontact)(?<!\bcontact\ )\s?[<(]
        (?:mailto:)?(?P<named>{ADDRESS})[>)](?:\s+on\s[^\n]{{0,60}})?[ \t]*$""",
    re.IGNORECASE | re.VERBOSE,
)
_HEADING = re.compile(r"[ \t]*+(?:-{2,}|_{5,}|={5,}|\*{5,}|\#{5,})")


@dataclass(slots=True)
class _Entry:
    address: str
    said: list[str]


def listed(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of a recipient and what is said of it, from the first announced list that has any."""
    for count, announced in enumerate(_ANNOUNCEMENT.finditer(text)):
        entries, rest = _entries(text[announced.end() :])
        if entries:
            yield from ((entry.address, _said(entry, rest)) for entry in entries)
            return
        if count > 10:
            return


def _entries(text: str) -> tuple[list[_Entry], str]:
    """The entries of a list, and what comes after it."""
    lines = text.split("\n", _MAX_LINES)[1:_MAX_LINES]
    entries: list[_Entry] = []
    margin = 0
    passed = 0
    for number, line in enumerate(lines):
        line = line[:_LONGEST_LINE]
        found = _ENTRY.match(line)
        indent = len(line) - len(line.lstrip())
        # Words before an address further left than the list are a sentence below it, no person's name.
        stands = found and (not entries or indent == margin or (indent < margin and found["bare"]))
        if found and stands and len(entries) < MAX_RECIPIENTS:
            margin = indent if not entries else margin
            entries.append(_Entry(found["bare"] or found["named"], [line[found.end() :]]))
        elif entries and _HEADING.match(line):
            return entries, "\n".join(lines[number:])
        elif entries:
            entries[-1].said.append(line)
        elif line.strip():
            passed += 1
            if passed > 6:
                break
    return entries, ""


def _said(entry: _Entry, rest: str) -> str:
    own = "\n".join(entry.said)
    return own if re.search(r"\w{3}", re.sub(ADDRESS, "", own)) else rest
