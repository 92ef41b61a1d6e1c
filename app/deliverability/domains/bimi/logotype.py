"""The pictures inside a mark certificate (RFC 9399, once 3709 and 6170): packed, in addresses that begin with data:."""

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import islice

from app.core.errors import Invalid
from app.deliverability.dmarc.unpack import unpack

OID = "1.3.6.1.5.5.7.1.12"
_PICTURE = re.compile(rb"data:image/svg\+xml(?:;[^,]{0,100})?;base64,", re.IGNORECASE)
_ADDRESS = 0x16
"""IA5String."""
_INNER = 0x20
_MOST = 500
_DEEPEST = 12
_GZIP = b"\x1f\x8b"


def pictures_in(extension: bytes) -> list[bytes]:
    """The SVG files inside, unpacked; what cannot be read is left out."""
    found = []
    for tag, value in islice(_values(extension, 0), _MOST):
        if tag == _ADDRESS and (begin := _PICTURE.match(value)):
            try:
                packed = base64.b64decode(value[begin.end() :], validate=True)
                found.append(unpack(packed) if packed.startswith(_GZIP) else packed)
            except (binascii.Error, Invalid):
                continue
    return found


def _values(der: bytes, depth: int) -> Iterator[tuple[int, bytes]]:
    """Tags and contents of all that holds no other (X.690 §8.1); ends where the encoding makes no sense."""
    while len(der) >= 2 and depth < _DEEPEST:
        tag, size, start = der[0], der[1], 2
        if size >= 0x80:
            count = size & 0x7F
            start += count
            size = int.from_bytes(der[2:start], "big")
            if not 1 <= count <= 4 or len(der) < start:
                return
        if len(der) < start + size or tag & 0x1F == 0x1F:
            return
        value, der = der[start : start + size], der[start + size :]
        if tag & _INNER:
            yield from _values(value, depth + 1)
        else:
            yield tag, value
