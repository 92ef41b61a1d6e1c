"""The XML in a report's file: plain, gzip or zip, never more than we are ready to hold."""

import io
import lzma
import struct
import zipfile
import zlib

from app.core.errors import Invalid

MOST_PACKED = 10 * 1024 * 1024
MOST_XML = 10 * 1024 * 1024
MOST_RATIO = 300
"""Reports shrink to a twentieth, the most monotonous to a hundredth; a bomb to a thousandth."""
RATIO_FROM = 1024 * 1024
"""Below this, nobody minds the ratio."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_ZIP_END, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_LARGEST_DIRECTORY = 4096
_MOST_ENTRIES = 6
"""The report, its folder, and what a Mac puts beside both."""
_MOST_MEMBERS = 100
_IS_ENCRYPTED = 0x1
# All of these mean a damaged or odd archive: zipfile has no common error for methods, passwords and torn data.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, OSError),
    *(ValueError, struct.error),
)


def unpack(data: bytes) -> bytes:
    """The file inside. Raises Invalid for what is too large, broken, packed twice, or more than one file."""
    if len(data) > MOST_PACKED:
        raise Invalid(_too_large())
    if data.startswith(_GZIP):
        unpacked = _inflate(data)
    elif data.startswith(_ZIP):
        unpacked = _from_zip(data)
    else:
        return data
    if unpacked.startswith((_GZIP, _ZIP)):
        raise Invalid("The report is packed twice; nothing was taken in. Unpack it once and upload it again.")
    return unpacked


def _from_zip(data: bytes) -> bytes:
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir() and not _is_companion(info.filename)]
            if len(files) != 1 or files[0].flag_bits & _IS_ENCRYPTED or files[0].file_size > MOST_XML:
                raise Invalid(_not_one_file() if len(files) != 1 else _too_large())
            # What the directory says of its size is a claim: no more is read than we allow.
            with archive.open(files[0]) as file:
                unpacked = file.read(MOST_XML + 1)
    except _BROKEN as error:
        raise Invalid(_broken()) from error
    return _bounded(unpacked, len(data))


def _is_companion(name: str) -> bool:
    """What a Mac puts beside each file that it packs."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _check_directory(data: bytes) -> None:
    """Refuse directories of thousands of files before anything reads them."""
    end = data.rfind(_ZIP_END)
    if end < 0 or len(data) < end + 22:
        raise Invalid(_broken())
    count, size = (
        int.from_bytes(data[end + 10 : end + 12], "little"),
        int.from_bytes(data[end + 12 : end + 16], "little"),
    )
    if data[max(end - 20, 0) : end].startswith(_ZIP64_LOCATOR) or size > _LARGEST_DIRECTORY or count > _MOST_ENTRIES:
        raise Invalid(_not_one_file())


def _inflate(data: bytes) -> bytes:
    """All members of the file (RFC 1952 §2.2), of which some programs write several; padding behind them is let be."""
    unpacked, rest = b"", data
    for _member in range(_MOST_MEMBERS):
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            unpacked += stream.decompress(rest, MOST_XML + 1 - len(unpacked))
        except zlib.error as error:
            raise Invalid(_broken()) from error
        _bounded(unpacked, len(data))
        if not stream.eof:
            raise Invalid(_broken())
        rest = stream.unused_data
        if not rest.startswith(_GZIP):
            return unpacked
    raise Invalid(_broken())


def _bounded(unpacked: bytes, packed: int) -> bytes:
    if len(unpacked) > MOST_XML or len(unpacked) > max(RATIO_FROM, packed * MOST_RATIO):
        raise Invalid(_too_large())
    return unpacked


def _too_large() -> str:
    return f"The report is larger than {MOST_XML // 1024 // 1024} MB unpacked, or made to be; nothing was taken in."


def _not_one_file() -> str:
    return "The archive must hold one file, the report; nothing was taken in. Unpack it and upload the XML."


def _broken() -> str:
    return "The report's file is damaged and cannot be unpacked; nothing was taken in. Fetch it again."
