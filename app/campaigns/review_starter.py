"""Text of the shipped starters that nobody has replaced: it would go out to everybody as it stands."""

import re
from functools import lru_cache

from app.campaigns.findings import CONTENT, Finding
from app.campaigns.models import Variant
from app.core.entities import unescaped
from app.rendering.starters import list_starters

FEWEST_WORDS = 5
"""Shorter pieces, such as greetings and buttons, are anybody's."""
_SHOWN = 70

_PREVIEW = re.compile(r"<mj-preview>(.*?)</mj-preview>", re.DOTALL)
_UNSEEN = re.compile(r"<mj-head.*?</mj-head>|<!--.*?-->", re.DOTALL)
_INLINE = re.compile(r"</?(?:a|abbr|b|big|code|em|font|i|mark|s|small|span|strike|strong|sub|sup|u)\b[^>]*>")
_MARKUP = re.compile(r"<[^>]*>")
_WORD = re.compile(r"\w+")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def starter_findings(variant: Variant, source: str) -> list[Finding]:
    """A warning when a variant still holds sentences of a starter, with the first of them and how many there are."""
    kept = [text for text in _texts(source, with_preview=not variant.preheader) if text in _own_texts()]
    if not kept:
        return []
    first = kept[0] if len(kept[0]) <= _SHOWN else kept[0][:_SHOWN].rsplit(" ", 1)[0] + " …"
    more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
    message = f"“{first}”{more}: this is the starter's own text. Write yours in its place, or take it out."
    about = f"{variant.name}: {message}" if variant.share < 1 else message
    return [Finding("warning", "starter-text", about, CONTENT, "mjml", {"variant": variant.position})]


@lru_cache(maxsize=1)
def _own_texts() -> frozenset[str]:
    """What each starter says itself; what all of them say, such as the foot, is meant to stay."""
    texts = [set(_texts(starter.mjml, with_preview=True)) for starter in list_starters()]
    return frozenset(set[str]().union(*texts) - set[str].intersection(*texts))


def _texts(source: str, *, with_preview: bool) -> list[str]:
    """The pieces of text between block elements that are long enough, in order, each once, without merge tags."""
    flat = " ".join(_TAG.sub("…", source).split())
    preview = _PREVIEW.findall(flat) if with_preview else []
    body = _MARKUP.sub("\n", _INLINE.sub("", _UNSEEN.sub("", flat)))
    pieces = [" ".join(unescaped(piece).split()) for piece in (*preview, *body.split("\n"))]
    return list(dict.fromkeys(piece for piece in pieces if len(_WORD.findall(piece)) >= FEWEST_WORDS))
