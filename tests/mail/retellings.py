"""The same mail told otherwise: what systems on the way do to it, and how else it could have been written."""

import base64
import html
import random
import re
from collections.abc import Callable

from app.mail.mime import Part, read_parts

_FIELDS = re.compile(rb"\n(?![ \t])")
_ADDRESS = re.compile(r"([\w.+-]+@[\w.-]+\.\w+)")
_STATUS_FIELDS = (b"Final-Recipient", b"Original-Recipient", b"Action", b"Status", b"Diagnostic-Code", b"Remote-MTA")

Retelling = Callable[[bytes, random.Random], bytes]


def head_and_body(raw: bytes) -> tuple[list[bytes], bytes]:
    """The fields of the header, and all below them, with LF line ends."""
    head, _, body = raw.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    return _FIELDS.split(head), body


def together(fields: list[bytes], body: bytes) -> bytes:
    """The other way round, as it goes over the wire."""
    return (b"\n".join(fields) + b"\n\n" + body).replace(b"\n", b"\r\n")


def shuffled(raw: bytes, chance: random.Random) -> bytes:
    """Fields in another order."""
    fields, body = head_and_body(raw)
    chance.shuffle(fields)
    return together(fields, body)


def bare_lines(raw: bytes, _chance: random.Random) -> bytes:
    """Stored with LF line ends, under a line of mbox."""
    fields, body = head_and_body(raw)
    return b"From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n" + b"\n".join(fields) + b"\n\n" + body


def renamed_fields(raw: bytes, chance: random.Random) -> bytes:
    """Names of fields in another case, those of reports as well."""
    change = chance.choice((bytes.upper, bytes.lower, bytes.title))
    fields, body = head_and_body(raw)
    fields = [change(name) + colon + value for name, colon, value in (field.partition(b":") for field in fields)]
    for name in _STATUS_FIELDS:
        body = re.sub(rb"^%s(?=[ \t]*:)" % name, change(name), body, flags=re.MULTILINE)
    return together(fields, body)


def other_boundary(raw: bytes, _chance: random.Random) -> bytes:
    """Other lines between the parts."""
    fields, body = head_and_body(raw)
    head = b"\n".join(fields)
    found = re.search(rb'boundary="([^"]+)"', head)
    if found is None:
        return raw
    new = b"=_Part.0'1(2)+,-./:=?"
    return together([head.replace(found[1], new)], body.replace(b"--" + found[1], b"--" + new))


def tagged(raw: bytes, chance: random.Random) -> bytes:
    """A filter's word before the subject."""
    tag = chance.choice((b"[EXTERNAL] ", b"***SPAM*** ", b"{Spam?} ", b"[SPAM] [Extern] "))
    fields, body = head_and_body(raw)
    return together([re.sub(rb"^(Subject:[ \t]*)", rb"\1" + tag, field) for field in fields], body)


def of_a_success(raw: bytes, _chance: random.Random) -> bytes:
    """About a mail whose subject speaks of success, holidays and delivery."""
    fields, body = head_and_body(raw)
    told = [
        field + b": our success, delivered on vacation" if field.startswith(b"Subject:") else field for field in fields
    ]
    return together(told, body)


def passed_on(raw: bytes, _chance: random.Random) -> bytes:
    """Through another system, that leaves its marks."""
    fields, body = head_and_body(raw)
    marks = [
        b"Received: from relay.example.net (192.0.2.9) by mx.example.com;\n\tMon, 2 Nov 2026 10:00:00 +0000",
        b"X-MS-Exchange-Organization-AuthAs: Anonymous",
        b"X-Spam-Status: No, score=-1.0 required=5.0 tests=BAYES_00,\n\tMAILING_LIST autolearn=ham",
        b"X-Virus-Scanned: by relay.example.net",
    ]
    return together(marks + fields, body)


def packed(raw: bytes, _chance: random.Random) -> bytes:
    """In a mail of several parts, with a gateway's word below it."""
    fields, body = head_and_body(raw)
    outer = [field for field in fields if not field.lower().startswith(b"content-")]
    inner = [field for field in fields if field.lower().startswith(b"content-")] or [b"Content-Type: text/plain"]
    told = b"--PACK\n" + b"\n".join(inner) + b"\n\n" + body
    told += b"\n--PACK\nContent-Type: text/plain\n\nThe gateway looked at this.\n--PACK--\n"
    return together([*outer, b"Content-Type: multipart/mixed; boundary=PACK"], told)


def of_one_text(change: Callable[[str], str], kind: str = "plain") -> Retelling:
    """A retelling of mail that is a single text: other mail is left as it is."""

    def told(raw: bytes, _chance: random.Random) -> bytes:
        mail = read_parts(raw)
        if mail.content_type != "text/plain" or not mail.text.strip():
            return raw
        return _rewritten(raw, mail, change, kind)

    return told


def _rewritten(raw: bytes, mail: Part, change: Callable[[str], str], kind: str) -> bytes:
    fields, _ = head_and_body(raw)
    kept = [field for field in fields if not field.lower().startswith(b"content-")]
    more = f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: base64"
    return together([*kept, more.encode()], base64.encodebytes(change(mail.text).encode()))


def as_page(text: str) -> str:
    """The text as programs make a page of it: a break for each line, and links."""
    lines = _ADDRESS.sub(r'<a href="mailto:\1">\1</a>', html.escape(text)).replace("\n", "<br>\n")
    head = "<head><style>p {margin: 0}</style></head>"
    return f"<html>{head}<body><div>{lines.replace('  ', '&nbsp; ')}</div></body></html>"


def as_blocks(text: str) -> str:
    """The text as Outlook makes a page of it: a block for each line."""
    lines = (f"<div>{html.escape(line) or '<br>'}</div>" for line in text.split("\n"))
    return f"<html><body>{''.join(lines)}</body></html>"


def under_a_warning(text: str) -> str:
    """With a gateway's warning above it."""
    return f"CAUTION: This mail originated outside of your organization.\nBe careful with links.\n______\n\n{text}"


RETELLINGS: dict[str, Retelling] = {
    "shuffled": shuffled,
    "bare lines": bare_lines,
    "renamed fields": renamed_fields,
    "other boundary": other_boundary,
    "tagged": tagged,
    "of a success": of_a_success,
    "passed on": passed_on,
    "packed": packed,
    "base64": of_one_text(str),
    "a page": of_one_text(as_page, "html"),
    "blocks": of_one_text(as_blocks, "html"),
    "under a warning": of_one_text(under_a_warning),
    "in capitals": of_one_text(str.upper),
}
