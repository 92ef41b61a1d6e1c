"""How values become words: the filters of merge tags, and what a missing value, a list or a number looks like."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches

_DATE_PARTS = re.compile(r"%(-?)([dmYyBbAaHIMp%])")


def to_text(value: object) -> str:
    """A value as a reader sees it: nothing for None, words for lists, no trailing `.0`, line ends as newlines."""
    if isinstance(value, str):
        text = value
    elif value is None or value.__class__.__name__ == "Undefined":
        return ""
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    elif isinstance(value, Mapping) or callable(value):
        return ""
    elif isinstance(value, list | tuple):
        text = ", ".join(to_text(item) for item in value)
    else:
        text = str(value)
    if "\r" in text or "\0" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text


def fallback(value: object = None, words: object = "") -> object:
    """The words when the value is missing, None or blank."""
    return value if to_text(value).strip() else words


def trim(value: object = None) -> str:
    """Without blanks at either end."""
    return to_text(value).strip()


def upper(value: object = None) -> str:
    """IN CAPITALS."""
    return to_text(value).upper()


def lower(value: object = None) -> str:
    """in small letters."""
    return to_text(value).lower()


def title(value: object = None) -> str:
    """Each Word Begun With A Capital; an apostrophe begins no word."""
    return re.sub(r"[^\W\d_]+(?:['’][^\W\d_]+)*", lambda word: word.group().capitalize(), to_text(value))


def capitalize(value: object = None) -> str:
    """The first letter large, the rest small."""
    return to_text(value).capitalize()


def number(value: object = None, decimals: object = None) -> str:
    """Grouped by thousands, `12,431`; with `number(2)`, `12,431.00`. What is no number stays as it is."""
    text = to_text(value).strip()
    if len(text) > 40 or not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d{1,2})?", text):
        return text
    places = decimals if isinstance(decimals, int) else len(text.partition(".")[2]) if "e" not in text else 0
    return f"{Decimal(text):,.{min(max(places, 0), 6)}f}"


def format_date(value: object = None, layout: object = "%-d %B %Y") -> str:
    """A date or ISO text by a layout such as `%d %B %Y`. What is no date stays as it is."""
    moment = value if isinstance(value, date) else _read_date(to_text(value).strip())
    return to_text(value) if moment is None else _DATE_PARTS.sub(lambda part: _date_part(moment, part), to_text(layout))


def did_you_mean(word: str, known: Mapping[str, object] | set[str] | frozenset[str]) -> str:
    """` Did you mean "…"?` when something known is spelt alike, else nothing."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""


FILTERS: dict[str, Callable[..., object]] = {
    "fallback": fallback,
    "default": fallback,
    "upper": upper,
    "lower": lower,
    "title": title,
    "capitalize": capitalize,
    "trim": trim,
    "date": format_date,
    "number": number,
}


def _read_date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _date_part(moment: date, part: re.Match[str]) -> str:
    if part.group(2) == "%":
        return "%"
    text = moment.strftime("%" + part.group(2))
    return text.lstrip("0") or "0" if part.group(1) else text
