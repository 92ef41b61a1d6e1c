"""The fixed pieces around the two bodies of a multipart/alternative mail, text first (RFC 2046 §5.1.4)."""

# After `=` quoted-printable has a hexadecimal digit or the line's end, so no body can contain this (RFC 2045 §6.7).
BOUNDARY = "=_merpati"
CONTENT_TYPE = f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"'

_PART = "Content-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
BEFORE_TEXT = f"--{BOUNDARY}\r\n{_PART.format('plain')}".encode()
BEFORE_HTML = f"\r\n--{BOUNDARY}\r\n{_PART.format('html')}".encode()
AFTER_HTML = f"\r\n--{BOUNDARY}--\r\n".encode()
