"""Which letters the bytes of a file stand for; and files that are no text at all."""

import codecs
from dataclasses import dataclass

from app.core.errors import Invalid

SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive. In the spreadsheet, choose “Save as” and then “CSV UTF-8”"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook. In the spreadsheet, choose “Save as” and then “CSV UTF-8”"),
    (b"%PDF", "a PDF. Export the table as CSV from where the PDF was made"),
    (b"\x1f\x8b", "compressed with gzip. Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd. Unpack it first"),
)
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(set(range(32)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D})
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
DAMAGE = "merpati-damage"
"""Error handler: each byte that cannot be read becomes a lone surrogate, so the row can be told and shown."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec's name and the length of the mark at the start of the file."""

    name: str
    mark: int


def detect_encoding(head: bytes) -> Encoding:
    """The encoding of a file by its first bytes. Raises Invalid for what is not a text."""
    if not head.strip(b"\x00 \t\r\n"):
        raise Invalid("The file is empty. Choose a CSV file with a row for each person.", field="file")
    for signature, what in SIGNATURES:
        if head.startswith(signature):
            raise Invalid(f"This is not a CSV file but {what}, and upload that file.", field="file")
    for mark, name in MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    if name := _sixteen_bit(head):
        return Encoding(name, 0)
    if len(head.translate(None, _CONTROLS)) < 0.98 * len(head):
        raise Invalid("This is not a text file. Export the table as CSV and upload that file.", field="file")
    return Encoding(_eight_bit(head), 0)


def _sixteen_bit(head: bytes) -> str:
    """UTF-16 without a mark: in the texts of most tables every second byte is zero."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _eight_bit(head: bytes) -> str:
    if head.isascii():
        return "utf-8"
    text = codecs.getincrementaldecoder("utf-8")(DAMAGE).decode(head)
    damaged = sum("\udc80" <= letter <= "\udcff" for letter in text)
    if damaged * 5 < len(head) - len(head.decode("ascii", "ignore")) - damaged:
        return "utf-8"  # read as UTF-8, nearly all is well: a few rows are damaged
    return "latin-1" if any(byte in head for byte in _UNDEFINED_IN_CP1252) else "cp1252"


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(DAMAGE, _mark_damage)
