"""What a report says in its own words: the text before the returned mail, from its plain part or from its HTML."""

import re

from app.core.entities import unescaped
from app.mail.mime import Part, once

_LONGEST = 32 * 1024
_LONGEST_HTML = 128 * 1024
_MOST = 256 * 1024
"""Characters looked at in all parts together: those behind as many that say nothing are not asked."""

_UNSEEN = re.compile(r"<(style|script|head|title)\b", re.IGNORECASE)
_PRE = re.compile(r"</?pre\b[^<>]{0,2000}>", re.IGNORECASE)
# Tags that begin or end a line, and those that leave an empty one: marked, until it is known what stands beside them.
_LINE_TAG = re.compile(r"</?(?:div|tr|li|ul|ol|table|tbody|center|hr|section)\b[^<>]{0,2000}>", re.IGNORECASE)
_PARAGRAPH_TAG = re.compile(r"</?(?:p|h[1-6]|blockquote)\b[^<>]{0,2000}>", re.IGNORECASE)
_BREAK_TAG = re.compile(r"<br\b[^<>]{0,2000}>", re.IGNORECASE)
_LINE, _PARAGRAPH, _BREAK = "\x1d", "\x1e", "\x1f"
_MARKS = re.compile(r"[\x1d-\x1f][ \t\xa0\x1d-\x1f]*+")
# Unescaped addresses in angle brackets are not tags: a tag has no `@` before a space or an equals sign.
_TAG = re.compile(r"<[/!?a-zA-Z](?![^<>\s=]{0,320}@)[^<>]{0,4000}>")

# How systems announce the returned mail or its header. A line of dashes alone does not.
_RETURNED = re.compile(
    r"""^[ >|\t]*+-{2,}+[ ]?[^\n]{0,60}(?:copy\ of|original\ m(?:essage|ail)|returned|unsent\ message|message\ header
        |body\ of|message\ text\ follows|of\ the\ message\ follows|below\ this\ line|\breturn\b)[^\n]{0,60}$
    | ^[ \t>|]*+(?:the\ )?(?:original\ message|message\ headers?|returned\ message|unsent\ message|original\ mail)
        [^\n]{0,40}\bfollows?\b[^\n]{0,5}$
    | ^[ \t]*+(?:included|below)\ is\ a\ copy\ of\ the\ (?:original\ )?message
    | ^[ \t>|]*+(?:received|return-path|dkim-signature|x-received|delivered-to):[ \t]*\S
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
# What gateways put above mail from elsewhere: a line or a few, up to an empty one or a rule.
_BANNER = re.compile(
    r"""\A\s*+[\[*(!]{0,3}\ ?(?:caution|external|warning|attention|achtung|vorsicht|attenzione|atenci[óo]n
        |aten[çc][ãa]o|opgelet)\b[^\n]{0,200}?(?:originat|outside|extern|au(?:ß|ss)erhalb|esterno|fuera\ de
        |fora\ d)[^\n]{0,600}\n
        (?:[^\n]{1,300}\n){0,5}?[ \t]*(?:[-_=*]{3,}[ \t]*)?\n""",
    re.IGNORECASE | re.VERBOSE,
)
# Long runs of blanks say nothing, and are what patterns run long on.
_WIDE = re.compile(r"[^\S\n]{20,}")
_MANY_LINES = re.compile(r"\n{4,}")


@once
def own_words(mail: Part) -> str:
    """The first text of the mail that says anything, without the returned mail below it."""
    room = _MOST
    for part in mail.walk():
        if part.content_type.startswith("text/") and not part.is_enclosed_mail:
            is_page = part.content_type == "text/html"
            text = part.text[: min(_LONGEST_HTML if is_page else _LONGEST, room)]
            if words := _before_returned_mail(plain_text(text) if is_page else text):
                return words
            room -= len(text)
    return ""


def plain_text(markup: str) -> str:
    """The text of an HTML page, its blocks on lines of their own. A line break of the source is but a space there."""
    pieces = _PRE.split(_without_unseen(markup[:_LONGEST_HTML]))
    text = _LINE.join(piece.replace("\n", _BREAK if number % 2 else " ") for number, piece in enumerate(pieces))
    for tag, mark in ((_BREAK_TAG, _BREAK), (_PARAGRAPH_TAG, _PARAGRAPH), (_LINE_TAG, _LINE)):
        text = tag.sub(mark, text)
    text = _MARKS.sub(_line_ends, unescaped(_TAG.sub("", text)))
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))[:_LONGEST]


def _line_ends(found: re.Match[str]) -> str:
    """What a browser makes of tags side by side: blocks end a line once, however many; so does a break before them."""
    marks = found[0]
    breaks = marks.count(_BREAK)
    least = 2 if _PARAGRAPH in marks else 1
    return "\n" * max(least, breaks if marks.startswith(_BREAK) else breaks + 1)


def _without_unseen(markup: str) -> str:
    """The markup without its styles and scripts. By hand: a pattern would look for each end from each beginning."""
    pieces = []
    lower = markup.lower()
    start = 0
    while found := _UNSEEN.search(markup, start):
        end = lower.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            break
        pieces.append(markup[start : found.start()])
        start = end
    return " ".join([*pieces, markup[start:]])


def _before_returned_mail(text: str) -> str:
    text = _MANY_LINES.sub("\n\n\n", "\n".join(line.rstrip() for line in _WIDE.sub(" " * 20, text).split("\n")))
    text = _BANNER.sub("", text, count=1)
    found = _RETURNED.search(text)
    return (text[: found.start()] if found else text).strip("\n")
