"""Quoted-printable for mail that is composed whole (RFC 2045 §6.7)."""

MAX_LINE = 76

_UNITS = [chr(byte) if 32 <= byte <= 126 and byte != 61 else f"={byte:02X}" for byte in range(256)]


def quoted_printable(text: str) -> bytes:
    """The text in UTF-8 as quoted-printable with CRLF; no line begins with a dot or with `From `."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\r\n".join(_wrapped(line.encode("utf-8", "replace")) for line in lines).encode()


def _wrapped(line: bytes) -> str:
    units = [_UNITS[byte] for byte in line]
    if line.endswith(b" "):
        units[-1] = "=20"
    if line.startswith(b"From "):
        units[0] = "=46"
    pieces: list[str] = []
    piece = ""
    for position, unit in enumerate(units):
        # One column stays free for the `=` of the soft break, unless nothing follows.
        room = MAX_LINE if position == len(units) - 1 else MAX_LINE - 1
        if len(piece) + len(unit) > room:
            pieces.append(piece)
            piece = ""
        piece += "=2E" if unit == "." and not piece else unit
    return "=\r\n".join([*pieces, piece])
