"""The forms of a mail that a DKIM signature is made over (RFC 6376 §3.4).

White space is space and tab, a line end is CRLF; a bare CR or LF is a character like any other. A body whose last line
has no end is taken as if it had: the end of DATA (RFC 5321 §4.1.1.4) gives it one before any receiver looks.
"""

CRLF = b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Runs of white space are one space, none ends a line, no empty lines at the end (RFC 6376 §3.4.4)."""
    body = _terminated(body).replace(b"\t", b" ")
    first, *rest = body.split(b"  ")
    if rest:
        # A run of spaces splits into pieces that are empty or begin with its odd last space. The end is a CRLF, so the
        # last piece is never one of the empty ones. One pass, where replacing pairs until none is left takes several.
        body = b" ".join([first, *filter(None, [piece.lstrip(b" ") for piece in rest])])
    return _without_empty_end(body.replace(b" \r\n", CRLF))


def simple_body(body: bytes) -> bytes:
    """As it is, without empty lines at the end, but with one line end if nothing else is left (RFC 6376 §3.4.3)."""
    return _without_empty_end(_terminated(body)) or CRLF


def relaxed_fields(head: bytes) -> dict[bytes, list[bytes]]:
    """The header fields by their name in lower case, from the top down, each as `name:value` without a line end.

    Unfolded, runs of white space one space, none around the colon or at the end (RFC 6376 §3.4.2).
    """
    head = head.replace(b"\t", b" ").replace(b"\r\n ", b" ")
    while b"  " in head:
        head = head.replace(b"  ", b" ")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(CRLF):
        name, colon, value = line.partition(b":")
        if colon:
            name = name.rstrip(b" ").lower()
            fields.setdefault(name, []).append(b"%b:%b" % (name, value.strip(b" ")))
    return fields


def _terminated(body: bytes) -> bytes:
    return body if not body or body.endswith(CRLF) else body + CRLF


def _without_empty_end(body: bytes) -> bytes:
    end = len(body)
    while body.endswith(CRLF, 0, end):
        end -= 2
    return body[: end + 2] if end else b""
