"""Phrases found in replies: a small notation, made into patterns that cannot run long.

Text is brought to bare lower-case words first: no punctuation, no apostrophes, `it` for addresses. In a phrase:

    user|mailbox    one of these words, `_` standing for a space within
    reject*         a word with this beginning; `*reject*` with this anywhere
    ~4              up to four words of any kind
    {mailbox}       one of a named group of words
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_LONGEST = 1200

_GROUP = re.compile(r"\{(\w+)\}")
_ADDRESS = re.compile(
    r"<[^<>\s]{0,320}>|[^\s<>()\[\]:;,\"']{1,255}@[^\s<>()\[\]:;,\"']{1,255}"
    # Names of sites and servers in the codes of older Exchange, which may be words.
    r"|\bMSEXCH:\S{1,200}"
)
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_PUNCTUATION = re.compile(r"[^\w.]+|_+|\.(?!\w)|(?<!\w)\.")
_SPELLINGS = re.compile(
    r"\b(e mail|mail box|black list|block list|time out|timed out|host name|over quota|star ?tls)\b"
)


def compiled(phrases: Iterable[str], groups: Mapping[str, str]) -> re.Pattern[str]:
    """One pattern for all the phrases."""
    return re.compile("|".join(_pattern(phrase, groups) for phrase in phrases))


def _pattern(phrase: str, groups: Mapping[str, str]) -> str:
    pattern = ""
    for token in phrase.split():
        if token.startswith("~"):
            pattern += rf"(?:\S{{1,60}} ){{0,{int(token[1:])}}}"
        else:
            pattern += f"(?:{_alternatives(token, groups)}) "
    return rf"(?:(?<!\S){pattern})"


def _alternatives(token: str, groups: Mapping[str, str]) -> str:
    words = _GROUP.sub(lambda found: groups[found[1]], token)
    return "|".join(
        (r"\S{0,40}" if word.startswith("*") else "")
        + re.escape(word.strip("*")).replace("_", " ")
        + (r"\S{0,40}" if word.endswith("*") else "")
        for word in words.split("|")
    )


@lru_cache(maxsize=2048)
def bare_words(text: str) -> str:
    """The text as phrases are matched against it: every word followed by one space."""
    text = _ADDRESS.sub(" it ", text[:_LONGEST]).lower()
    text = " ".join(_PUNCTUATION.sub(" ", _APOSTROPHE.sub("", text)).split())
    return f"{_SPELLINGS.sub(lambda found: found[0].replace(' ', ''), text)} "
