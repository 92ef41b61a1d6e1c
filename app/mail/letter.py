"""A person's mail as text: what it says, and which part of that the person wrote themself."""

import re

from app.mail.mime import Part, read_parts
from app.mail.own_words import plain_text

LONGEST = 100_000
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MANY_LINES = re.compile(r"\n{3,}")

# How mail programs begin what they quote: a line that ends with a colon and says who wrote, or a rule.
_QUOTE = re.compile(
    r"""^(?:
      [ \t]*+-{2,}+[ ]?[^\n]{0,60}(?:original|ursprüngliche|weitergeleitet|forwarded|transféré|reenviado|inoltrato
        |doorgestuurd)
    | [ \t]*+_{20,}+[ \t]*+$
    | [^\n]{0,300}(?:\bwrote|\bschrieb|\ba\ écrit|\bescribió|\bescreveu|\bha\ scritto|\bschreef|\bskrev|\bnapisał
        |\bkirjoitti|\bmenulis|\byazdı|\bнаписал|のメール|写道|님이\ 작성)[^\n]{0,100}:[ \t]*$
    | (?:From|Von|De|Da|Van|Från|Fra|Od|Dari|От|发件人|差出人)[ ]?[:：][ ][^\n]*\n(?:[^\n:：]{1,30}[:：][^\n]*\n){1,4}
    )""",
    re.MULTILINE | re.IGNORECASE | re.VERBOSE,
)
_SIGNATURE = re.compile(r"^-- ?$|^(?:Sent from my|Von meinem|Envoyé de|Enviado desde|Get Outlook for)\b", re.MULTILINE)


def letter_text(raw: bytes) -> str:
    """What a mail says, as text; HTML loses its markup. Nothing in it can act, and nothing is fetched."""
    return text_of_letter(read_parts(raw))


def text_of_letter(mail: Part) -> str:
    """The same of a mail that was taken apart already."""
    texts = [part for part in mail.walk() if _is_shown(part)]
    plain = next((part.text for part in texts if part.content_type != "text/html" and part.text.strip()), "")
    text = plain or next((plain_text(part.text) for part in texts if part.content_type == "text/html"), "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")[:LONGEST]
    return _MANY_LINES.sub("\n\n", _INVISIBLE.sub("", text)).strip()


def own_part(text: str) -> str:
    """What the person wrote, without what their program quoted below it and without the signature."""
    for pattern in (_QUOTE, _SIGNATURE):
        found = pattern.search(text)
        if found:
            text = text[: found.start()]
    lines = [line for line in text.split("\n") if not line.lstrip().startswith((">", "|"))]
    return "\n".join(lines).strip()


def _is_shown(part: Part) -> bool:
    disposition = part.header.get("Content-Disposition").lower().lstrip()
    return part.content_type in ("text/plain", "text/html") and not disposition.startswith("attachment")
