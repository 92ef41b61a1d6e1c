"""The bytes of an XML file as UTF-8 without a document type, whatever its encoding is or claims to be."""

import codecs
import re

from app.core.errors import Invalid

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,300}?\?>")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_UNKNOWN = "\ufffd".encode()
_BYTEWISE = {
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-15": "iso-8859-15",
}
"""Encodings in which `<` is one byte. Others could hide a document type from whoever looks at the bytes."""
_HALF_LETTER = re.compile(
    rb"&#0*(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3])(?!\d);?"
    rb"|&#x0*d[89a-f][0-9a-f]{2}(?![0-9a-f]);?",
    re.IGNORECASE,
)
"""Half of a pair (U+D800 to U+DFFF) as a character reference: XML has none, and no text can hold it."""


def plain_xml(data: bytes) -> bytes:
    """The text to parse. Raises Invalid when it defines a document type: no report has one, every attack does."""
    text = _NO_XML.sub(" ", _DECLARATION.sub("", _decoded(data), count=1))
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Invalid("The report defines a document type, which no report does; nothing was taken in.")
    return text.encode("utf-8", "replace")


def without_half_letters(xml: bytes) -> bytes:
    """For a parser that recovers: libxml2 passes such references on as bytes that are no UTF-8."""
    return _HALF_LETTER.sub(_UNKNOWN, xml)


def _decoded(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    if data[:2] in (b"<\x00", b"\x00<"):
        return data.decode("utf-16-le" if data[0] else "utf-16-be", "replace")
    declared = _DECLARED.match(data)
    encoding = _BYTEWISE.get(declared[1].decode().lower(), "utf-8") if declared else "utf-8"
    return data.decode(encoding, "replace")
