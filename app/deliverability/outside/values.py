"""Dates and shares as providers write them."""

import re
from collections.abc import Iterable
from datetime import date
from functools import cache

from babel.dates import get_month_names

_SLASHED = re.compile(r"(\d{1,2})[/.-]\s?(\d{1,2})[/.-]\s?(\d{4})(?:\D.*)?", re.DOTALL).fullmatch
_PLAIN = re.compile(r"(\d{4})([/.-]?)(\d{1,2})\2(\d{1,2})(?:[T ,].*)?", re.DOTALL).fullmatch
_LETTERS = r"([^\W\d_]{3,12})"
_DAY_MONTH = re.compile(rf"(\d{{1,2}})(?:\.|º|er)?[\s-](?:de )?{_LETTERS}\.?,?[\s-](?:de )?(\d{{4}})").fullmatch
_MONTH_DAY = re.compile(rf"{_LETTERS}\.? (\d{{1,2}}),? (\d{{4}})").fullmatch
_SIGNS = re.compile(r"(\d{4})[年년]\s?(\d{1,2})[月월]\s?(\d{1,2})[日일]").fullmatch
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "pl")
"""Of the browsers that a provider's page may be saved in."""
_PARTS = re.compile(r"\D*year\D*(\d{4})\D+month\D*(\d{1,2})\D+day\D*(\d{1,2})\D*", re.IGNORECASE).fullmatch
"""As Google's API writes a date in JSON."""
_NUMBER = re.compile(r"[<>~≤≥]?\s*(\d+(?:[.,]\d+)?|[.,]\d+)\s*(%?)").fullmatch

_SPAN = re.compile(r"([<>~≤≥]?\s*[\d.,]+\s*%?)\s*(?:-|–|—|to|\.\.)\s*([<>~≤≥]?\s*[\d.,]+\s*%?)").fullmatch
_LONGEST = 60
_BOUNDS = {"<": "below", "≤": "below", ">": "above", "≥": "above"}
_NOTHINGS = frozenset({"", "-", "–", "—", "n/a", "na", "#n/a", "null", "none", "nan", "no data"})


def is_day_first(texts: Iterable[str]) -> bool:
    """Whether dates such as 3/4/2026 begin with the day, told from all of a file; as Americans write them if unsure."""
    pairs = [(int(found[1]), int(found[2])) for text in texts if (found := _SLASHED(text.strip()))]
    return any(first > 12 for first, _ in pairs) and not any(second > 12 for _, second in pairs)


def read_day(text: str, *, day_first: bool = False) -> date | None:
    """The day of a date, with or without a time behind it; None when it is none."""
    given = text.strip()
    try:
        if found := _PLAIN(given):
            return date(int(found[1]), int(found[3]), int(found[4]))
        if found := _PARTS(given):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _SLASHED(given):
            first, second = int(found[1]), int(found[2])
            # German and many others: 22.11.2026 is never the 22nd month.
            turned = day_first or "." in given[:3]
            return date(int(found[3]), second if turned else first, first if turned else second)
    except ValueError:
        return None
    return _worded(given)


def read_share(text: str, *, in_percent: bool = False) -> float | None:
    """A share of 1, from `0.1%`, `< 0.1%`, `0,1 %` or `0.001`; None when it is none, or more than all."""
    found = _NUMBER(text.strip())
    if not found:
        return None
    number = float(found[1].replace(",", "."))
    share = number / 100 if found[2] or in_percent else number
    return share if share <= 1 else None


def read_shares(text: str, *, in_percent: bool = False) -> float | dict[str, float] | None:
    """The same, bounds told apart: `< 0.1%` as {"below": …}, `> 5%` as {"above": …}, a span as from and to."""
    given = text.strip()
    if len(given) > _LONGEST:
        return None
    if span := _SPAN(given):
        # In “0.1 – 0.3 %” the sign is for both.
        low, high = (read_share(end, in_percent=in_percent or "%" in given) for end in span.groups())
        return None if low is None or high is None or low > high else {"from": low, "to": high}
    share = read_share(given, in_percent=in_percent)
    if share is None or given[0] not in _BOUNDS:
        return share
    return {_BOUNDS[given[0]]: share}


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is no figure."""
    return text.strip().lower() in _NOTHINGS


def _worded(text: str) -> date | None:
    """With the month in letters, or in the signs of East Asia; a weekday may stand before it."""
    plain = " ".join(text.lower().split())
    weekday, _, behind = plain.partition(" ")
    candidates = [plain, behind] if weekday.rstrip(".,").isalpha() else [plain]
    return next((day for each in candidates if (day := _spelled(each)) is not None), None)


def _spelled(plain: str) -> date | None:
    try:
        if found := _SIGNS(plain):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DAY_MONTH(plain):
            return date(int(found[3]), _months().get(found[2], 0), int(found[1]))
        if found := _MONTH_DAY(plain):
            return date(int(found[3]), _months().get(found[1], 0), int(found[2]))
    except ValueError:
        return None
    return None


@cache
def _months() -> dict[str, int]:
    """The months by their names, long and short; what means different ones in two languages is left out."""
    known: dict[str, set[int]] = {}
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    known.setdefault(name.lower().rstrip("."), set()).add(number)
    return {name: numbers.pop() for name, numbers in known.items() if len(numbers) == 1}
