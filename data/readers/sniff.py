"""Bytes of a file -> its format, by what is in it; the name only decides between formats of one content.

Looks at beginnings and searches for marks; parses nothing, so that it is safe outside a child process.
"""

import codecs
import re
from enum import StrEnum
from pathlib import PurePath

from fazhi.data.readers.failures import Code, refused


class Format(StrEnum):
    """What a file can be read as."""

    TXT = "txt"
    DOCX = "docx"
    PDF = "pdf"
    HTML = "html"
    DOC = "doc"
    WPS = "wps"
    RTF = "rtf"


SUFFIXES = {
    ".txt": Format.TXT,
    ".docx": Format.DOCX,
    ".pdf": Format.PDF,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".doc": Format.DOC,
    ".wps": Format.WPS,
}
FORMATS = tuple(SUFFIXES)
THROUGH_OFFICE = frozenset({Format.DOC, Format.WPS, Format.RTF})

_HEAD = 4096
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|body)[\s>]", re.IGNORECASE)
_TAG = re.compile(rb"<[a-z!/][^<>]{0,200}>", re.IGNORECASE)
_OTHERS = {
    b"\x89PNG\r\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"Rar!\x1a": "RAR",
    b"7z\xbc\xaf": "7z",
    b"\x1f\x8b": "gzip",
    b"\x7fELF": "ELF",
    b"MZ\x90\x00": "EXE",
    b"<?mso-application": "Word XML",
    b"MIME-Version:": "MIME",
}
_STREAMS = {"Workbook": "Excel (.xls)", "Book": "Excel (.xls)", "PowerPoint Document": "PowerPoint (.ppt)"}
_DIRECTORY = 48  # where in its header the first sector of its directory stands
_ENTRY_START = 116  # where in a directory entry its first sector stands
_WORD = (b"\xec\xa5", b"\xdc\xa5")  # how the text of a Word file begins
_ENCRYPTED = 0x0100  # in its flags


def sniff(name: str, raw: bytes) -> Format:
    """Tell what a file is; raises UnreadableError for what is never read."""
    if not raw:
        raise refused(Code.EMPTY)
    suffix, head = PurePath(name).suffix.lower(), raw[:_HEAD].lstrip()
    if head.startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in head):
        return Format.PDF
    if raw.startswith(_ZIP):
        return Format.DOCX
    if raw.startswith(_OLE):
        return _compound(suffix, raw)
    if head.startswith(b"{\\rtf"):
        return Format.RTF
    for magic, found in _OTHERS.items():
        if raw.startswith(magic):
            raise refused(Code.UNKNOWN_FORMAT, found=found)
    if _is_page(suffix, raw, head):
        return Format.HTML
    if head.startswith(b"<?xml"):
        raise refused(Code.UNKNOWN_FORMAT, found="XML")
    return Format.TXT


def _is_page(suffix: str, raw: bytes, head: bytes) -> bool:
    if raw.startswith(_UTF16):
        head = raw[:_HEAD].decode("utf-16", errors="ignore").encode("utf-8", errors="ignore")
    tagged = suffix in {".html", ".htm", ".doc"} and _TAG.search(head)
    return bool(_PAGE.search(head) or tagged)


def _compound(suffix: str, raw: bytes) -> Format:
    """Tell Word's and WPS's binary files from the others that share their container."""
    if _named("EncryptedPackage") in raw:
        raise refused(Code.ENCRYPTED)
    entry = raw.find(_named("WordDocument"))
    if entry < 0:
        if not _sector(raw, _DIRECTORY):
            raise refused(Code.DAMAGED)  # what is in it would stand beyond its end
        found = (kind for stream, kind in _STREAMS.items() if _named(stream) in raw)
        raise refused(Code.UNKNOWN_FORMAT, found=next(found, "OLE"))
    text = _sector(raw, entry + _ENTRY_START)
    if text[:2] in _WORD and int.from_bytes(text[10:12], "little") & _ENCRYPTED:
        raise refused(Code.ENCRYPTED)
    return Format.WPS if suffix == ".wps" else Format.DOC


def _sector(raw: bytes, place: int) -> bytes:
    """The beginning of the sector whose number stands at a place of a container; b"" if that is beyond its end."""
    number = int.from_bytes(raw[place : place + 4], "little")
    start = (number + 1) << min(int.from_bytes(raw[30:32], "little"), 12)
    return raw[start : start + 128]


def _named(stream: str) -> bytes:
    """A stream's name as the directory of its container holds it."""
    return f"{stream}\0".encode("utf-16-le")


def note_on_name(name: str, form: Format) -> str:
    """Say that a file's name promises another format than is in it; "" if it does not."""
    suffix = PurePath(name).suffix.lower()
    promised = SUFFIXES.get(suffix, form)
    if promised is form or {promised, form} == {Format.DOC, Format.WPS}:
        return ""
    return f"扩展名为 {suffix}，按实际内容（{form}）读取 (named {suffix}, read as the {form} it holds)"
