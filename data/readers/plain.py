"""Bytes of a text file -> its text and lines. Knows encodings; knows nothing of reports."""

import codecs
import re
import unicodedata
from collections import Counter

from fazhi.data.readers.failures import Code, UnreadableError, too_long
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.reading import Block, Kind, Place, Reading

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
LAYOUT = "\t\n\r\f\v\x1c\x1d\x1e\x1f\x85"
_LINE = re.compile("[^\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]+")
_MOST_BYTES = 4  # of a character, in any encoding that is read
_BLANK = "文件是空的，或只有空白。"


def read_plain(raw: bytes, limits: Limits) -> Reading:
    """Read a text as `decode` does: it stays as it is, and its lines that are not blank are its paragraphs."""
    text = decode(raw) if len(raw) <= limits.characters * _MOST_BYTES + len(codecs.BOM_UTF8) else ""
    if not text or len(text) > limits.characters:
        raise too_long(limits.characters)
    lines = [match.span() for match in _LINE.finditer(text) if match.group().strip()]
    blocks = [Block(*span, Kind.PARAGRAPH, Place(paragraph=number)) for number, span in enumerate(lines, start=1)]
    return Reading(text, tuple(blocks), "txt")


def decode(raw: bytes) -> str:
    """Read UTF-8 (with or without BOM), UTF-16 with BOM, or GB18030; raises UnreadableError.

    Line ends stay as they are, so that offsets into the text hold. A BOM is no part of the text.
    """
    if not raw:
        raise UnreadableError("the file is empty", Code.EMPTY, _BLANK)
    text = _decode(raw)
    if not text.strip():
        raise UnreadableError("the file holds nothing but white space", Code.EMPTY, _BLANK)
    strange = sum(times for character, times in Counter(text).items() if _strange(character))
    if "\0" in text or strange > len(text) * 0.01:
        raise UnreadableError("the file is not text (control or unassigned characters in it)")
    return text


def _decode(raw: bytes) -> str:
    for bom, encoding in BOMS.items():
        if raw.startswith(bom):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError as error:
                raise UnreadableError(f"the file begins as {encoding} but breaks off at byte {error.start}") from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as in_utf8:
        # A text of UTF-8 that lacks its last bytes may well decode as GB18030, into characters nobody wrote.
        if in_utf8.reason == "unexpected end of data" and not raw[: in_utf8.start].isascii():
            raise UnreadableError(f"the file begins as utf-8 but breaks off at byte {in_utf8.start}") from in_utf8
        try:
            return raw.decode("gb18030")
        except UnicodeDecodeError as in_gb:
            raise UnreadableError(
                f"the file is neither UTF-8 (wrong at byte {in_utf8.start}) nor GB18030 (wrong at byte {in_gb.start})"
            ) from in_gb


def _strange(character: str) -> bool:
    return character not in LAYOUT and unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs")
