"""Words of other servers in mails of ours: few, on one line, and nothing in them to follow.

Anybody can send us a report and write into it what they like, so that it reaches owners under our name.
"""

import re
import unicodedata

LONGEST = 200
_QUOTES = str.maketrans(dict.fromkeys('"“”„‟«»‹›', "'") | {"。": "."})
_SCHEME = re.compile(r"(?<!hxxp)(?<!hxxps)://")
_DOT = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2})|(?<=www)\.", re.IGNORECASE)
"""As in a host's name; those of status codes stay."""


def quote_foreign(words: str) -> str:
    """The beginning of what a server said, for a mail between quotation marks: no address in it becomes a link."""
    plain = unicodedata.normalize("NFKC", words).translate(_QUOTES)
    line = " ".join("".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in plain).split())
    if len(line) > LONGEST:
        whole, _space, _part = line[: LONGEST - 1].rpartition(" ")
        line = f"{whole or line[: LONGEST - 2]} …"
    safe = _SCHEME.sub("[:]//", re.sub(r"(?i)http(?=s?://)", "hxxp", line))
    return _DOT.sub("[.]", safe).replace("@", "(at)")
